package org.jobwitness.server.job;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.SqlStatement;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns the tables of runs. {@link #apply} is the only way to change a run: it locks the job id, asks
 * {@link JobLifecycle}, and writes run and audit row in one transaction. Called by the threads of requests. What is old
 * leaves by {@link #deleteEndedBefore}.
 */
public final class JobTable {
    private static final Logger log = LoggerFactory.getLogger(JobTable.class);
    /** Nobody may have said when a run ended; and a clock that is wrong may say that what was just heard of is old. */
    private static final String OLD = "%1$s.state not in ('pending', 'running') and %1$s.recorded_at < :before"
            + " and coalesce(%1$s.end_time, %1$s.listed_at) < :before";
    /** Runs of a job id explain each other: they leave from the oldest on, and the newest goes last. */
    private static final String MAY_GO = OLD.formatted("job") + " and not exists (select from job earlier"
            + " where earlier.job_id = job.job_id and earlier.cluster = job.cluster"
            + " and earlier.listed_at <= job.listed_at and not (" + OLD.formatted("earlier") + "))";

    private static final String DELETE = """
            with gone as (delete from job where %s returning cluster),
            counted as (
                insert into job_deleted (cluster, runs) select cluster, count(*) from gone group by cluster
                on conflict (cluster) do update set runs = job_deleted.runs + excluded.runs)
            select count(*) from gone""";

    private final Database database;
    private final AuditTable audit;
    private final Json json;
    private final Clock clock;
    private final JobLocks turns = new JobLocks();
    private final List<Consumer<JobChange>> listeners = new CopyOnWriteArrayList<>();

    public JobTable(Database database, Json json, Clock clock) {
        this.database = database;
        this.audit = new AuditTable(json);
        this.json = json;
        this.clock = clock;
    }

    /** Tells of every change after its commit, on the thread that made it; a listener must be quick and not throw. */
    public void onChange(Consumer<JobChange> listener) {
        listeners.add(listener);
    }

    /** What came of something that was said by hand. */
    public sealed interface ByHand {

        /**
         * It stands.
         *
         * @param run the key of the run that it is of
         */
        record Done(long run) implements ByHand {
        }

        /** Nobody knows the job. */
        record Unknown() implements ByHand {
        }

        /**
         * Nothing was changed.
         *
         * @param why what stands against it
         */
        record Conflict(String why) implements ByHand {
        }
    }

    /** Ends a run that nobody knows any more. Nothing happens if it is known to have ended, or is not there. */
    public void lose(Caller caller, Evidence.Lost evidence) {
        applyAndTell(caller, evidence, (_, _) -> {
        });
    }

    /** More to write in the transaction of a change, about the run with the given key. */
    @FunctionalInterface
    public interface Alongside {
        void write(Handle handle, long run) throws SQLException;
    }

    /** What one transaction wrote. */
    private record Applied(Decision decision, long run, List<JobChange> changes) {
    }

    /** Takes in a piece of evidence. The same piece may come any number of times. */
    public EventResponse apply(Caller caller, Evidence evidence) {
        Applied applied = applyAndTell(caller, evidence, (_, _) -> {
        });
        if (applied.decision() instanceof Decision.Taken taken) {
            return answer(taken, taken.run().withKey(applied.run()));
        }
        throw new IllegalArgumentException("said by hand, so it may be refused: " + evidence);
    }

    /**
     * Takes in what somebody says by hand, unless it contradicts what is known.
     *
     * @param alongside written in the same transaction, if it is taken in
     */
    public ByHand applyByHand(Caller caller, Evidence evidence, Alongside alongside) {
        Applied applied = applyAndTell(caller, evidence, alongside);
        return switch (applied.decision()) {
            case Decision.Taken _ -> new ByHand.Done(applied.run());
            case Decision.Unknown _ -> new ByHand.Unknown();
            case Decision.Conflict conflict -> new ByHand.Conflict(conflict.why());
        };
    }

    /**
     * A run as an agent sees it on its node.
     *
     * @param run its key
     * @param cpus CPUs that it has there; null if nobody has told
     */
    public record Seen(long run, @Nullable Integer cpus) {
    }

    /** The run that an agent sees. Where all it tells is known, as is usual, nothing is written and nobody is waited for. */
    public Seen observe(Caller caller, Evidence.Observed evidence) {
        Optional<Seen> known = database.read("job_observe", handle -> {
            Decision decision = JobLifecycle.decide(runsOf(handle, evidence.identity(), evidence.onNode()), evidence,
                    clock.instant());
            return decision instanceof Decision.Skipped skipped && skipped.run().equals(skipped.before())
                    ? Optional.of(seen(handle, skipped.run().key(), evidence.onNode()))
                    : Optional.empty();
        });
        return known.orElseGet(() -> {
            Applied applied = applyAndTell(caller, evidence, (_, _) -> {
            });
            return database.read("job_observe", handle -> seen(handle, applied.run(), evidence.onNode()));
        });
    }

    private static Seen seen(Handle handle, long run, NodeAllocation onNode) {
        return new Seen(run, handle.createQuery("select cpus from job_node where job_key = :run and node = :node")
                .bind("run", run).bind("node", onNode.node()).mapTo(Integer.class).findFirst().orElse(null));
    }

    private Applied applyAndTell(Caller caller, Evidence evidence, Alongside alongside) {
        Applied applied = turns.take(evidence.identity(), () -> database.write("job_apply",
                handle -> applyWithin(handle, caller, evidence, alongside)));
        applied.changes().forEach(change -> {
            logChange(change, caller);
            tell(change);
        });
        return applied;
    }

    private void tell(JobChange change) {
        listeners.forEach(listener -> listener.accept(change));
    }

    private Applied applyWithin(Handle handle, Caller caller, Evidence evidence, Alongside alongside)
            throws SQLException {
        Identity identity = evidence.identity();
        lock(handle, identity);
        Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
        List<Run> known = runsOf(handle, identity, evidence.onNode());
        Decision decision = JobLifecycle.decide(known, evidence, now);
        if (!(decision instanceof Decision.Taken taken)) {
            return new Applied(decision, 0, List.of());
        }
        List<JobChange> changes = new ArrayList<>();
        Run run = switch (taken) {
            case Decision.Created created -> create(handle, caller, created.run(), evidence, changes);
            case Decision.Accepted accepted -> create(handle, caller, accepted.run(), evidence, changes);
            case Decision.Updated updated ->
                update(handle, caller, updated.before(), updated.run(), updated.noted(), evidence, changes);
            case Decision.Skipped skipped ->
                update(handle, caller, skipped.before(), skipped.run(), skipped.noted(), evidence, changes);
        };
        for (Decision.Change change : taken.explained()) {
            update(handle, caller, change.before(), change.after(), Map.of(), evidence, changes);
        }
        boolean alone = known.isEmpty() || (known.size() == 1 && known.getFirst().key() == run.key());
        if (!changes.isEmpty() && !alone) {
            markNewest(handle, identity);
        }
        if (evidence instanceof Evidence.Ended ended && ended.reading() != null && ended.onNode() != null) {
            addReading(handle, run.key(), ended.onNode().node(), ended.reading());
        }
        alongside.write(handle, run.key());
        return new Applied(taken, run.key(), changes);
    }

    /**
     * Forgets all runs of a job id, with their figures. Their audit trail stays, and keeps what they were at last.
     *
     * @return how many runs there were
     */
    public int delete(Caller caller, String cluster, String jobId) {
        Identity identity = new Identity(cluster, jobId, null, null);
        List<Run> gone = turns.take(identity, () -> database.write("job_delete", handle -> {
            lock(handle, identity);
            List<Run> runs = runsOf(handle, identity, null);
            for (Run run : runs) {
                audit.add(handle, caller, AuditTable.Action.DELETED, run, null, run.audited(), Map.of());
            }
            handle.createQuery(DELETE.formatted("job_key = any(:keys)"))
                    .bindArray("keys", Long.class, runs.stream().map(Run::key).toList()).mapTo(Long.class).one();
            return runs;
        }));
        int deleted = gone.size();
        gone.forEach(run -> tell(new JobChange(run, null)));
        if (deleted > 0) {
            log.info("job_deleted job_id={} cluster=\"{}\" runs={} correlation_id={}", jobId, cluster, deleted,
                    caller.correlationId());
        }
        return deleted;
    }

    private static EventResponse answer(Decision.Taken decision, Run run) {
        String name = "run " + run.key() + " ";
        EventResponse.Status status;
        String message;
        switch (decision) {
            case Decision.Created _ -> {
                status = EventResponse.Status.CREATED;
                message = name + "is new; it " + describe(run);
            }
            case Decision.Accepted _ -> {
                status = EventResponse.Status.ACCEPTED;
                message = name + "is new, and known by its end only; it " + describe(run);
            }
            case Decision.Updated _ -> {
                status = EventResponse.Status.UPDATED;
                message = name + describe(run);
            }
            case Decision.Skipped skipped -> {
                status = EventResponse.Status.SKIPPED;
                message = name + describe(run) + (skipped.noted().isEmpty()
                        ? "; nothing new"
                        : "; its audit trail notes that this was said differently: "
                                + skipped.noted().keySet().stream().sorted().collect(Collectors.joining(", ")));
            }
        }
        return new EventResponse(status, run.identity().jobId(), message);
    }

    private static String describe(Run run) {
        Outcome outcome = run.outcome();
        return "is " + outcome.state() + (outcome.reason() == null ? "" : " (" + outcome.reason() + ")")
                + (Boolean.FALSE.equals(outcome.confirmed()) ? ", unconfirmed" : "");
    }

    /** One writer at a time for a job id, whether it has rows yet or not; held until the transaction ends. */
    private static void lock(Handle handle, Identity identity) {
        handle.createQuery("select pg_advisory_xact_lock(hashtextextended(:cluster || '/' || :job_id, 0))")
                .bind("cluster", identity.cluster()).bind("job_id", identity.jobId()).mapTo(String.class).findFirst();
    }

    private Run create(Handle handle, Caller caller, Run run, Evidence evidence, List<JobChange> changes) {
        long key = bindRun(handle.createUpdate("""
                insert into job (recorded_at, cluster, job_id, sluid, scheduler_start, start_seen, start_time,
                    user_name, uid, nodes, partition, account, het_job_id, restart_count, deadline, cpus, memory_mb,
                    gpus, gpu_vendor, gpu_devices, cgroup_path, end_seen, end_time, scheduler_state, scheduler_reason,
                    raw_state, final_state, exit_code, exit_signal, derived_exit_code, end_restart_count, oom_killed,
                    superseded, requeued, requested_cpus, requested_memory_mb, requested_gpus, scheduler, state, reason,
                    confirmed, newest)
                values (:recorded_at, :cluster, :job_id, :sluid, :scheduler_start, :start_seen, :start_time,
                    :user_name, :uid, :nodes, :partition, :account, :het_job_id, :restart_count, :deadline, :cpus,
                    :memory_mb, :gpus, :gpu_vendor, :gpu_devices, :cgroup_path, :end_seen, :end_time, :scheduler_state,
                    :scheduler_reason, :raw_state, :final_state, :exit_code, :exit_signal, :derived_exit_code,
                    :end_restart_count, :oom_killed, :superseded, :requeued, :requested_cpus, :requested_memory_mb,
                    :requested_gpus, cast(:scheduler as jsonb), :state, :reason, :confirmed, true)"""), run)
                .executeAndReturnGeneratedKeys("job_key").mapTo(Long.class).one();
        Run stored = run.withKey(key);
        storeNodes(handle, stored, evidence);
        storeHere(handle, stored);
        audit.add(handle, caller, AuditTable.Action.CREATED, stored, evidence.eventId(), Map.of(), stored.audited());
        changes.add(new JobChange(null, stored));
        return stored;
    }

    private Run update(Handle handle, Caller caller, Run before, Run after, Map<String, Object> noted,
            Evidence evidence, List<JobChange> changes) {
        boolean unheard = !noted.isEmpty() && !audit.has(handle, after.key(), evidence.eventId());
        if (!after.equals(before)) {
            store(handle, after);
            if (!after.about().nodes().equals(before.about().nodes())
                    || !Objects.equals(after.about().cpus(), before.about().cpus())) {
                storeNodes(handle, after, evidence);
            }
            if (!Objects.equals(after.here(), before.here())) {
                storeHere(handle, after);
            }
            auditChange(handle, caller, before, after, evidence.eventId());
            changes.add(new JobChange(before, after));
        }
        if (unheard) {
            audit.add(handle, caller, AuditTable.Action.NOTED, after, evidence.eventId(), Map.of(), noted);
        }
        return after;
    }

    private void auditChange(Handle handle, Caller caller, Run before, Run after, @Nullable String eventId) {
        Map<String, Object> was = before.audited();
        Map<String, Object> is = after.audited();
        Map<String, Object> lost = differing(was, is);
        Map<String, Object> won = differing(is, was);
        if (!lost.isEmpty() || !won.isEmpty()) {
            audit.add(handle, caller, AuditTable.Action.UPDATED, after, eventId, lost, won);
        }
    }

    private static Map<String, Object> differing(Map<String, Object> of, Map<String, Object> other) {
        return of.entrySet().stream().filter(field -> !Objects.equals(field.getValue(), other.get(field.getKey())))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    private void store(Handle handle, Run run) {
        bindRun(handle.createUpdate("""
                update job set sluid = :sluid, scheduler_start = :scheduler_start, start_seen = :start_seen,
                    start_time = :start_time, user_name = :user_name, uid = :uid, nodes = :nodes,
                    partition = :partition, account = :account, het_job_id = :het_job_id,
                    restart_count = :restart_count, deadline = :deadline, cpus = :cpus, memory_mb = :memory_mb,
                    gpus = :gpus, gpu_vendor = :gpu_vendor, gpu_devices = :gpu_devices, cgroup_path = :cgroup_path,
                    end_seen = :end_seen, end_time = :end_time, scheduler_state = :scheduler_state,
                    scheduler_reason = :scheduler_reason, raw_state = :raw_state, final_state = :final_state,
                    exit_code = :exit_code, exit_signal = :exit_signal, derived_exit_code = :derived_exit_code,
                    end_restart_count = :end_restart_count, oom_killed = :oom_killed, superseded = :superseded,
                    requeued = :requeued, requested_cpus = :requested_cpus, requested_memory_mb = :requested_memory_mb,
                    requested_gpus = :requested_gpus, scheduler = cast(:scheduler as jsonb), state = :state, reason = :reason, confirmed = :confirmed
                where job_key = :key"""), run).bind("key", run.key()).execute();
    }

    private <S extends SqlStatement<S>> S bindRun(S statement, Run run) {
        JobAttributes about = run.about();
        EndEvidence end = run.end();
        Outcome outcome = run.outcome();
        return statement.bind("recorded_at", run.recordedAt()).bind("cluster", run.identity().cluster())
                .bind("job_id", run.identity().jobId()).bind("sluid", run.identity().sluid())
                .bind("scheduler_start", run.identity().startTime()).bind("start_seen", run.startSeen())
                .bind("start_time", run.startTime()).bind("user_name", about.user()).bind("uid", about.uid())
                .bindArray("nodes", String.class, about.nodes()).bind("partition", about.partition())
                .bind("account", about.account()).bind("het_job_id", about.hetJobId())
                .bind("restart_count", about.restartCount()).bind("deadline", about.deadline())
                .bind("cpus", about.cpus()).bind("memory_mb", about.memoryMb()).bind("gpus", about.gpus())
                .bind("gpu_vendor", text(about.gpuVendor())).bindArray("gpu_devices", String.class, about.gpuDevices())
                .bind("cgroup_path", about.cgroupPath()).bind("end_seen", end.seen()).bind("end_time", end.at())
                .bind("scheduler_state", end.scheduler() == null ? null : text(end.scheduler().state()))
                .bind("scheduler_reason", end.scheduler() == null ? null : text(end.scheduler().reason()))
                .bind("raw_state", end.scheduler() == null ? null : end.scheduler().rawState())
                .bind("final_state", text(end.finalState()))
                .bind("exit_code", end.exit() == null ? null : Integer.valueOf(end.exit().exitCode()))
                .bind("exit_signal", end.exit() == null ? null : Integer.valueOf(end.exit().signal()))
                .bind("derived_exit_code", end.derivedExitCode()).bind("end_restart_count", end.restartCount())
                .bind("oom_killed", end.oomKilled()).bind("superseded", end.superseded())
                .bind("requeued", end.requeued())
                .bind("requested_cpus", about.requested().cpus())
                .bind("requested_memory_mb", about.requested().memoryMb())
                .bind("requested_gpus", about.requested().gpus())
                .bind("scheduler", json.textWithNulls(about.scheduler()))
                .bind("state", text(outcome.state())).bind("reason", text(outcome.reason()))
                .bind("confirmed", outcome.confirmed());
    }

    /** Writes which nodes the run has, as the evidence names them. */
    private static void storeNodes(Handle handle, Run run, Evidence evidence) {
        handle.createUpdate("""
                insert into job_node (job_key, node, cpus)
                select :key, said.node, said.cpus from unnest(:nodes, :cpus) as said (node, cpus)
                on conflict (job_key, node) do update set cpus = excluded.cpus
                where job_node.cpus is null and excluded.cpus is not null""").bind("key", run.key())
                .bindArray("nodes", String.class, evidence.about().nodes())
                .bindArray("cpus", Integer.class, evidence.cpusOfNodes()).execute();
    }

    private static void storeHere(Handle handle, Run run) {
        NodeAllocation here = run.here();
        if (here != null) {
            handle.createUpdate("""
                    insert into job_node (job_key, node, gpus, gpu_vendor, gpu_devices, cgroup_path, ended)
                    values (:key, :node, :gpus, :gpu_vendor, :gpu_devices, :cgroup_path, :ended)
                    on conflict (job_key, node) do update set gpus = excluded.gpus, gpu_vendor = excluded.gpu_vendor,
                        gpu_devices = excluded.gpu_devices, cgroup_path = excluded.cgroup_path,
                        ended = excluded.ended""").bind("key", run.key()).bind("node", here.node())
                    .bind("gpus", here.gpus()).bind("gpu_vendor", text(here.gpuVendor()))
                    .bindArray("gpu_devices", String.class, here.gpuDevices()).bind("cgroup_path", here.cgroupPath())
                    .bind("ended", here.ended()).execute();
        }
    }

    /** Counters only grow, so that a repeated or late reading does no harm. */
    private static void addReading(Handle handle, long key, String node, EpilogReading reading) {
        handle.createUpdate("""
                insert into job_figures (job_key, node, cpu_usage_usec, memory_peak_bytes, oom_kills)
                values (:key, :node, :cpu, :memory, :oom)
                on conflict (job_key, node) do update set
                    cpu_usage_usec = greatest(job_figures.cpu_usage_usec, excluded.cpu_usage_usec),
                    memory_peak_bytes = greatest(job_figures.memory_peak_bytes, excluded.memory_peak_bytes),
                    oom_kills = greatest(job_figures.oom_kills, excluded.oom_kills)""").bind("key", key)
                .bind("node", node).bind("cpu", reading.cpuUsageUsec()).bind("memory", reading.memoryPeakBytes())
                .bind("oom", reading.oomKills()).execute();
    }

    private static void markNewest(Handle handle, Identity identity) {
        handle.createUpdate("""
                update job set newest = not newest
                where job_id = :job_id and cluster = :cluster and newest <> (job_key = (
                    select job_key from job where job_id = :job_id and cluster = :cluster
                    order by listed_at desc, recorded_at desc, job_key desc limit 1))""")
                .bind("job_id", identity.jobId()).bind("cluster", identity.cluster()).execute();
    }

    /**
     * Deletes some of the runs that ended before a moment, with all that is known of them but their audit trail. To be
     * called until it answers 0; job ids that others are writing just then are left for another time.
     *
     * @param limit about so many nodes of runs at most, so that the transaction is short; but one run at least
     * @return how many runs
     */
    public long deleteEndedBefore(Instant before, int limit) {
        return database.write("job_delete", handle -> {
            List<Identity> jobIds = lockSomeThatMayGo(handle, before, limit);
            // Looked at again: until it was locked, a job id may have changed.
            return handle
                    .createQuery(DELETE.formatted(
                            "(cluster, job_id) in (select * from unnest(:clusters, :job_ids)) and " + MAY_GO))
                    .bindArray("clusters", String.class, jobIds.stream().map(Identity::cluster).toList())
                    .bindArray("job_ids", String.class, jobIds.stream().map(Identity::jobId).toList())
                    .bind("before", before).mapTo(Long.class).one();
        });
    }

    private static List<Identity> lockSomeThatMayGo(Handle handle, Instant before, int limit) {
        return handle.createQuery("""
                with old as (
                    (select cluster, job_id, job_key, greatest(cardinality(nodes), 1) as nodes from job
                    where coalesce(end_time, 'infinity'::timestamptz) < :before and %1$s
                    order by coalesce(end_time, 'infinity'::timestamptz), job_key limit :limit)
                    union all
                    (select cluster, job_id, job_key, greatest(cardinality(nodes), 1) from job
                    where end_time is null and listed_at < :before and %1$s
                    order by listed_at limit :limit)),
                counted as (
                    select cluster, job_id, nodes, sum(nodes) over (order by job_key) as so_far from old),
                chosen as materialized (
                    select distinct cluster, job_id from counted where so_far <= :limit or so_far = nodes)
                select cluster, job_id from chosen
                where pg_try_advisory_xact_lock(hashtextextended(cluster || '/' || job_id, 0))""".formatted(MAY_GO))
                .bind("before", before).bind("limit", limit)
                .map((row, _) -> new Identity(string(row, "cluster"), string(row, "job_id"), null, null)).list();
    }

    private List<Run> runsOf(Handle handle, Identity identity, @Nullable NodeAllocation speaking) {
        return handle.createQuery("""
                select job.*, here.node, here.gpus as here_gpus, here.gpu_vendor as here_gpu_vendor,
                    here.gpu_devices as here_gpu_devices, here.cgroup_path as here_cgroup_path, here.ended
                from job left join job_node here on here.job_key = job.job_key and here.node = :node
                where job_id = :job_id and cluster = :cluster""")
                .bind("job_id", identity.jobId()).bind("cluster", identity.cluster())
                .bind("node", speaking == null ? null : speaking.node()).map((row, _) -> run(row)).list();
    }

    private Run run(ResultSet row) throws SQLException {
        Identity identity = new Identity(string(row, "cluster"), string(row, "job_id"), row.getString("sluid"),
                time(row, "scheduler_start"));
        JobAttributes about = new JobAttributes(row.getString("user_name"), row.getObject("uid", Integer.class),
                strings(row, "nodes"),
                row.getString("partition"), row.getString("account"), row.getString("het_job_id"),
                row.getObject("restart_count", Integer.class), time(row, "deadline"),
                row.getObject("cpus", Integer.class), row.getObject("memory_mb", Long.class),
                row.getObject("gpus", Integer.class), constant(GpuVendor.class, row.getString("gpu_vendor")),
                strings(row, "gpu_devices"), row.getString("cgroup_path"),
                new Resources(row.getObject("requested_cpus", Integer.class),
                        row.getObject("requested_memory_mb", Long.class),
                        row.getObject("requested_gpus", Integer.class)),
                json.mapWithNulls(string(row, "scheduler")));
        JobState schedulerState = constant(JobState.class, row.getString("scheduler_state"));
        Integer exitCode = row.getObject("exit_code", Integer.class);
        EndEvidence end = new EndEvidence(row.getBoolean("end_seen"), time(row, "end_time"),
                schedulerState == null
                        ? null
                        : new EndEvidence.SchedulerWord(schedulerState,
                                constant(Reason.class, row.getString("scheduler_reason")),
                                row.getString("raw_state")),
                constant(JobState.class, row.getString("final_state")),
                exitCode == null ? null : new WaitStatus(exitCode, row.getInt("exit_signal")),
                row.getObject("derived_exit_code", Integer.class), row.getObject("end_restart_count", Integer.class),
                row.getBoolean("oom_killed"), row.getBoolean("superseded"), row.getBoolean("requeued"));
        String node = row.getString("node");
        NodeAllocation here = node == null
                ? null
                : new NodeAllocation(node, row.getObject("here_gpus", Integer.class),
                        constant(GpuVendor.class, row.getString("here_gpu_vendor")), strings(row, "here_gpu_devices"),
                        row.getString("here_cgroup_path"), row.getBoolean("ended"));
        return new Run(row.getLong("job_key"), Objects.requireNonNull(time(row, "recorded_at")), identity,
                row.getBoolean("start_seen"), time(row, "start_time"), about, end, here);
    }

    private static @Nullable String text(@Nullable Enum<?> constant) {
        return constant == null ? null : constant.toString();
    }

    private static @Nullable String quotable(@Nullable String text) {
        return text == null ? null : text.replace('"', '\'');
    }

    private static void logChange(JobChange change, Caller caller) {
        Run run = change.run();
        Outcome outcome = run.outcome();
        boolean news = change.before() == null || !outcome.equals(change.before().outcome());
        if (news) {
            log.info("job_{} job_id={} run={} cluster=\"{}\" user=\"{}\" reason={} confirmed={} correlation_id={}",
                    outcome.state(), run.identity().jobId(), run.key(), run.identity().cluster(),
                    quotable(run.about().user()),
                    outcome.reason(), outcome.confirmed(), caller.correlationId());
        }
    }
}
