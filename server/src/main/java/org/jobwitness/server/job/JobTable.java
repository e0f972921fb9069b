package org.jobwitness.server.job;

import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only way to change a run, but for {@link JobDeletion}: locks the job id, asks {@link JobLifecycle}, and writes run and
 * audit row in one transaction. Called by the threads of requests.
 */
public final class JobTable {
    private static final Logger log = LoggerFactory.getLogger(JobTable.class);
    private static final int OBSERVED_AT_ONCE = 5_000;

    private final Database database;
    private final RunTable runs;
    private final AuditTable audit;
    private final Clock clock;
    private final JobLocks locks = new JobLocks();
    private final List<Consumer<JobChange>> listeners = new CopyOnWriteArrayList<>();

    public JobTable(Database database, Json json, Clock clock) {
        this.database = database;
        this.runs = new RunTable(json);
        this.audit = new AuditTable(json);
        this.clock = clock;
    }

    /** Adds a listener for committed changes; it is called by the thread that made the change, and must be fast and not throw. */
    public void onChange(Consumer<JobChange> listener) {
        listeners.add(listener);
    }

    /** Applies evidence that no rule refuses. The same piece may come any number of times. */
    public EventResponse apply(Caller caller, Evidence evidence) {
        Applied applied = change(caller, evidence, TransactionStep.NONE);
        if (applied.decision() instanceof Decision.Taken taken) {
            return EventResponses.of(taken, taken.run().withKey(applied.run()));
        }
        throw new IllegalArgumentException("needs applyManual, since it may be refused: " + evidence);
    }

    /**
     * Applies a manual change, unless it contradicts what is known.
     *
     * @param step written in the same transaction, if the change is
     */
    public ManualResult applyManual(Caller caller, Evidence evidence, TransactionStep step) {
        Applied applied = change(caller, evidence, step);
        return switch (applied.decision()) {
            case Decision.Taken _ -> new ManualResult.Done(applied.run());
            case Decision.Unknown _ -> new ManualResult.Unknown();
            case Decision.Conflict conflict -> new ManualResult.Conflict(conflict.cause());
        };
    }

    /** Ends a run that is lost. Does nothing if its end is known, or it does not exist. */
    public void lose(Caller caller, Evidence.Lost evidence) {
        change(caller, evidence, TransactionStep.NONE);
    }

    /** The run that an agent sees. Where nothing is new, as is usual, it takes no lock and writes nothing. */
    public ObservedRun observe(Caller caller, Evidence.Observed evidence) {
        return database.read("job_observe", handle -> stored(handle, caller, evidence)).orElseGet(() -> {
            Applied applied = change(caller, evidence, TransactionStep.NONE);
            return database.read("job_observe", handle -> observed(handle, applied.run(), evidence));
        });
    }

    /** Some runs as they are now, without those that are gone. */
    public Set<ObservedRun> observed(List<ObservedRun> runs) {
        Set<ObservedRun> now = new HashSet<>();
        for (int at = 0; at < runs.size(); at += OBSERVED_AT_ONCE) {
            List<ObservedRun> part = runs.subList(at, Math.min(runs.size(), at + OBSERVED_AT_ONCE));
            now.addAll(database.read("job_observed", handle -> RunTable.observed(handle, part)));
        }
        return now;
    }

    private Optional<ObservedRun> stored(Handle handle, Caller caller, Evidence.Observed evidence) {
        Decision decision = JobLifecycle.decide(runs.runsOf(handle, evidence.identity(), evidence.onNode()), evidence,
                clock.instant());
        checkReporter(caller, decision);
        return decision instanceof Decision.Skipped skipped && skipped.run().equals(skipped.before())
                ? Optional.of(observed(handle, skipped.run().key(), evidence))
                : Optional.empty();
    }

    private static ObservedRun observed(Handle handle, long run, Evidence.Observed evidence) {
        return RunTable.observed(handle, run, evidence.onNode().node());
    }

    /** What one transaction decided and wrote. */
    private record Applied(Decision decision, long run, List<JobChange> changes) {
    }

    private Applied change(Caller caller, Evidence evidence, TransactionStep step) {
        Applied applied = inTransaction("job_apply", evidence.identity(), handle -> {
            Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
            List<Run> stored = runs.runsOf(handle, evidence.identity(), evidence.onNode());
            Decision decision = JobLifecycle.decide(stored, evidence, now);
            if (!(decision instanceof Decision.Taken taken)) {
                return new Applied(decision, 0, List.of());
            }
            checkReporter(caller, decision);
            List<JobChange> changes = new ArrayList<>();
            long run = write(handle, caller, taken, evidence, changes);
            if (!changes.isEmpty() && stored.stream().anyMatch(other -> other.key() != run)) {
                RunTable.markNewest(handle, evidence.identity());
            }
            step.write(handle, run);
            return new Applied(taken, run, changes);
        });
        applied.changes().forEach(change -> {
            log(change, caller);
            notifyListeners(change);
        });
        return applied;
    }

    /**
     * Refuses a report of a run that has none of the caller's nodes. Only a prolog's list of nodes is known to be complete.
     *
     * @throws ApiException 409
     */
    private static void checkReporter(Caller caller, Decision decision) {
        Run before = switch (decision) {
            case Decision.Updated updated -> updated.before();
            case Decision.Skipped skipped -> skipped.before();
            case Decision.Created _, Decision.Accepted _, Decision.Unknown _, Decision.Conflict _ -> null;
        };
        if (before != null && before.startSeen() && !before.attributes().nodes().isEmpty()
                && !caller.reports().includesAny(before.attributes().nodes())) {
            throw ApiException.conflict("job " + before.identity().jobId() + " runs on other nodes than those that this"
                    + " agent token is for");
        }
    }

    /** Does the work in a transaction that no other one of the same job id runs beside. */
    <T> T inTransaction(String operation, Identity identity, Database.Work<T> work) {
        return locks.withLock(identity, () -> database.write(operation, handle -> {
            RunTable.lock(handle, identity);
            return work.run(handle);
        }));
    }

    void notifyListeners(JobChange change) {
        listeners.forEach(listener -> listener.accept(change));
    }

    private long write(Handle handle, Caller caller, Decision.Taken taken, Evidence evidence,
            List<JobChange> changes) {
        long run = switch (taken) {
            case Decision.Created created -> insert(handle, caller, created.run(), evidence, changes);
            case Decision.Accepted accepted -> insert(handle, caller, accepted.run(), evidence, changes);
            case Decision.Updated updated ->
                update(handle, caller, updated.before(), updated.run(), updated.noted(), evidence, changes);
            case Decision.Skipped skipped ->
                update(handle, caller, skipped.before(), skipped.run(), skipped.noted(), evidence, changes);
        };
        for (Decision.Change change : taken.others()) {
            update(handle, caller, change.before(), change.after(), Map.of(), evidence, changes);
        }
        if (evidence instanceof Evidence.Reported reported && reported.state() == JobState.RUNNING
                && reported.attributes().nodesTold() && !taken.run().hasEnded()
                && !reported.attributes().nodes().containsAll(taken.run().attributes().nodes())) {
            RunTable.release(handle, run, reported.attributes().nodes());
        }
        if (evidence.reading() != null && evidence.onNode() != null) {
            RunTable.addReading(handle, run, evidence.onNode().node(), evidence.reading());
            if (taken.run().hasEnded() && changes.isEmpty()) {
                EndedRuns.add(handle, taken.run());
            }
        }
        return run;
    }

    private long insert(Handle handle, Caller caller, Run run, Evidence evidence, List<JobChange> changes) {
        Run stored = runs.insert(handle, run);
        RunTable.addNodes(handle, stored.key(), evidence);
        if (stored.hasEnded()) {
            EndedRuns.add(handle, stored);
        }
        audit.add(handle, caller, AuditTable.Action.CREATED, stored, evidence.eventId(), Map.of(), stored.audited());
        changes.add(new JobChange(null, stored));
        return stored.key();
    }

    private long update(Handle handle, Caller caller, Run before, Run after, Map<String, Object> noted,
            Evidence evidence, List<JobChange> changes) {
        boolean isNoted = !noted.isEmpty() && !audit.has(handle, after.key(), evidence.eventId());
        if (!after.equals(before)) {
            runs.update(handle, before, after);
            if (!after.attributes().nodes().equals(before.attributes().nodes())
                    || !Objects.equals(after.attributes().allocated().cpus(),
                            before.attributes().allocated().cpus())) {
                RunTable.removeNodes(handle, after.key(), without(before.attributes(), after.attributes()));
                RunTable.addNodes(handle, after.key(), evidence);
            }
            if (before.hasEnded() || after.hasEnded()) {
                EndedRuns.add(handle, after);
            }
            addAuditRow(handle, caller, before, after, evidence.eventId());
            changes.add(new JobChange(before, after));
        }
        if (isNoted) {
            audit.add(handle, caller, AuditTable.Action.NOTED, after, evidence.eventId(), Map.of(), noted);
        }
        return after.key();
    }

    private void addAuditRow(Handle handle, Caller caller, Run before, Run after, @Nullable String eventId) {
        Map<String, Object> removed = without(before.audited(), after.audited());
        Map<String, Object> added = without(after.audited(), before.audited());
        if (!removed.isEmpty() || !added.isEmpty()) {
            audit.add(handle, caller, AuditTable.Action.UPDATED, after, eventId, removed, added);
        }
    }

    /** Nodes that only agents had named, before Slurm told its list. */
    private static List<String> without(JobAttributes before, JobAttributes after) {
        return before.nodes().stream().filter(node -> !after.nodes().contains(node)).toList();
    }

    private static Map<String, Object> without(Map<String, Object> fields, Map<String, Object> same) {
        Map<String, Object> rest = new LinkedHashMap<>(fields);
        rest.entrySet().removeAll(same.entrySet());
        return rest;
    }

    private static void log(JobChange change, Caller caller) {
        Run run = change.run();
        Outcome outcome = run.outcome();
        if (change.before() == null || !outcome.equals(change.before().outcome())) {
            log.info("job_{} job_id={} run={} cluster=\"{}\" user=\"{}\" reason={} confirmed={} correlation_id={}",
                    outcome.state(), run.identity().jobId(), run.key(), run.identity().cluster(),
                    String.valueOf(run.attributes().user()).replace('"', '\''), outcome.reason(),
                    outcome.confirmed(), caller.correlationId());
        }
    }
}
