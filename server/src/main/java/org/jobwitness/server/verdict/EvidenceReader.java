package org.jobwitness.server.verdict;

import static org.jobwitness.server.db.Database.streaming;

import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.query.RunLookup;
import org.jobwitness.server.query.Visibility;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/**
 * Reads the evidence of a verdict: all of it for one run, and what findings need for the runs that are running or have just
 * ended. Reads sums, never samples, so that a long run costs no more than a short one.
 */
public final class EvidenceReader {
    private static final int ENDED_AT_ONCE = 500;

    private final Database database;
    private final Clock clock;

    public EvidenceReader(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * Of the newest run of a job id, or the one asked for; empty if there is none that the caller may see.
     *
     * @param cluster null for any
     * @param run null for the newest
     */
    Optional<RunEvidence> read(Caller caller, String jobId, @Nullable String cluster, @Nullable Long run) {
        Instant now = clock.instant();
        return database.snapshot("verdict", handle -> RunLookup.key(handle, caller, jobId, cluster, run)
                .flatMap(key -> read(handle, Visibility.of(caller.scope()), key, now)));
    }

    private static Optional<RunEvidence> read(Handle handle, Condition visible, long key, Instant now) {
        return handle
                .createQuery("select " + RunRow.COLUMNS + ", " + RunRow.EPILOG_SEEN + " from job where job_key = :run")
                .bind("run", key).map((row, _) -> RunRow.of(row, row.getBoolean("epilog_seen"))).findFirst()
                .map(found -> new RunEvidence(now, found.run(), found.end(),
                        onNodes(found.run(), RunUse.onNodes(handle, key, now)),
                        onGpus(RunUse.ofGpus(handle, key, now)), RunLookup.oomKills(handle, key),
                        OtherRuns.ofArray(handle, visible, found.run()),
                        OtherRuns.shortJobs(handle, visible, found.run(), now),
                        OtherRuns.ofJob(handle, visible, found.run()), largestNode(handle, key, now),
                        nodeEvents(handle, found.run(), now)));
    }

    private static double largestNode(Handle handle, long run, Instant now) {
        Long bytes = NodeTable.largestForJobs(handle, run, now);
        return bytes == null ? Double.NaN : bytes;
    }

    private static List<NodeEventTable.Event> nodeEvents(Handle handle, Run run, Instant now) {
        Instant end = run.end() == null ? now : run.end();
        return run.start() == null || run.nodes().isEmpty()
                ? List.of()
                : NodeEventTable.of(handle, run.cluster(), run.nodes(), run.start(),
                        end.plus(NodeFaults.NOTICED_AFTER));
    }

    /** A run, what it used, and the evidence that is made of both. */
    record Recent(RunEvidence evidence, List<RunUse.NodeUsage> onNodes, List<RunUse.GpuUsage> gpus) {
        Recent {
            onNodes = List.copyOf(onNodes);
            gpus = List.copyOf(gpus);
        }
    }

    /**
     * Passes on each newest run that is running or ended since, as far as findings need it: nothing of other runs, and OOM
     * kills by number only. To be called in a transaction: the rows come in portions.
     */
    void eachRecent(Handle handle, Instant now, Instant since, Consumer<Recent> consumer) {
        try (Stream<RunUse.NodeUsage> allOnNodes = RunUse.onNodesSince(handle, since, now);
                Stream<RunUse.GpuUsage> allGpus = RunUse.ofGpusSince(handle, since, now);
                Stream<NodeEventTable.OfRun> allEvents = NodeEventTable.ofRunsSince(handle, since, now,
                        NodeFaults.NOTICED_AFTER)) {
            ByRun<RunUse.NodeUsage> onNodes = new ByRun<>(allOnNodes.iterator(), RunUse.NodeUsage::run);
            ByRun<RunUse.GpuUsage> gpus = new ByRun<>(allGpus.iterator(), RunUse.GpuUsage::run);
            ByRun<NodeEventTable.OfRun> events = new ByRun<>(allEvents.iterator(), NodeEventTable.OfRun::run);
            streaming(handle.createQuery("select " + RunRow.COLUMNS + ", job.end_seen"
                    + " from current_job(:since) job where state <> 'pending' order by job_key").bind("since", since))
                    .map((row, _) -> RunRow.of(row, row.getBoolean("end_seen")))
                    .useStream(runs -> runs.forEach(found -> consumer.accept(
                            recent(now, found, onNodes.of(found.run().key()), gpus.of(found.run().key()),
                                    events.of(found.run().key())))));
        }
    }

    /** Passes on each run that ended in a time, as far as findings need it, in the order of their keys. */
    void eachEnded(Instant from, Instant to, Consumer<RunEvidence> consumer) {
        Instant now = clock.instant();
        List<Long> keys = endedAfter(0, from, to);
        while (!keys.isEmpty()) {
            for (long key : keys) {
                database.snapshot("verdict", handle -> ofUse(handle, key, now)).ifPresent(consumer);
            }
            keys = endedAfter(keys.getLast(), from, to);
        }
    }

    private List<Long> endedAfter(long run, Instant from, Instant to) {
        return database.read("verdict_ended", handle -> handle.createQuery("""
                select job_key from job where state not in ('pending', 'running') and job_key > :after
                    and coalesce(end_time, 'infinity'::timestamptz) >= :from
                    and coalesce(end_time, 'infinity'::timestamptz) < :to order by job_key limit :limit""")
                .bind("after", run).bind("from", from).bind("to", to).bind("limit", ENDED_AT_ONCE).mapTo(Long.class)
                .list());
    }

    private static Optional<RunEvidence> ofUse(Handle handle, long key, Instant now) {
        return handle
                .createQuery("select " + RunRow.COLUMNS + ", " + RunRow.EPILOG_SEEN + " from job where job_key = :run")
                .bind("run", key).map((row, _) -> RunRow.of(row, row.getBoolean("epilog_seen"))).findFirst()
                .map(found -> new RunEvidence(now, found.run(), found.end(),
                        onNodes(found.run(), RunUse.onNodes(handle, key, now)),
                        onGpus(RunUse.ofGpus(handle, key, now)), List.of(), List.of(), 0, List.of(),
                        Double.NaN, List.of()));
    }

    private static Recent recent(Instant now, RunRow found, List<RunUse.NodeUsage> onNodes,
            List<RunUse.GpuUsage> gpus, List<NodeEventTable.OfRun> events) {
        return new Recent(new RunEvidence(now, found.run(), found.end(), onNodes(found.run(), onNodes),
                onGpus(gpus), List.of(), List.of(), 0, List.of(), Double.NaN,
                events.stream().limit(NodeEventTable.MAX_OF_A_RUN)
                        .map(NodeEventTable.OfRun::event).toList()),
                onNodes, gpus);
    }

    /** Rows of many runs, in the order of their keys, handed out run by run. */
    private static final class ByRun<T> {
        private final Iterator<T> rows;
        private final ToLongFunction<T> runOf;
        private @Nullable T next;

        ByRun(Iterator<T> rows, ToLongFunction<T> runOf) {
            this.rows = rows;
            this.runOf = runOf;
            this.next = nextOrNull();
        }

        /** To be asked for one run after the other, in the order of their keys. */
        List<T> of(long run) {
            List<T> found = new ArrayList<>();
            for (; next != null && runOf.applyAsLong(next) <= run; next = nextOrNull()) {
                if (runOf.applyAsLong(next) == run) {
                    found.add(next);
                }
            }
            return found;
        }

        private @Nullable T nextOrNull() {
            return rows.hasNext() ? rows.next() : null;
        }
    }

    /** Those with figures. */
    private static List<NodeUsage> onNodes(Run run, List<RunUse.NodeUsage> all) {
        List<NodeUsage> nodes = new ArrayList<>(all.size());
        for (RunUse.NodeUsage on : all) {
            RunUse.Sums sums = on.sums();
            if (sums != null) {
                nodes.add(new NodeUsage(on.node(), cpus(run, on.node(), sums), sums.samples(), sums.coveredSeconds(),
                        sums.suspendedSeconds(), on.fresh().value(Figure.SUSPENDED_MS) > 0, sums.lastSample(),
                        sums.cpuPercent(), sums.cpuMaxPercent(), sums.latest().value(Figure.CPU_USAGE_PERCENT),
                        sums.memoryPeak(), sums.maxLimit(), sums.minLimit(), sums.needed(), sums.fileMax(),
                        sums.swapMax(), sums.throttledSeconds(),
                        sums.memoryStallSeconds(), sums.ioStallSeconds(), on.oomKills(),
                        sums.oomEvents()));
            }
        }
        return nodes;
    }

    private static double cpus(Run run, String node, RunUse.Sums sums) {
        if (!Double.isNaN(sums.cpus())) {
            return sums.cpus();
        }
        return node.isEmpty() || run.nodes().size() == 1 ? run.cpus() : sums.latest().value(Figure.CPUS);
    }

    private static List<GpuUsage> onGpus(List<RunUse.GpuUsage> all) {
        return all.stream()
                .map(gpu -> new GpuUsage(gpu.node(), gpu.gpu(), gpu.minor(), gpu.model(), gpu.hold(), gpu.heldFrom(),
                        gpu.samples(),
                        gpu.percent(), gpu.maxPercent(), gpu.lastUsed(), gpu.readAt(), gpu.processes(), gpu.faults()))
                .toList();
    }
}
