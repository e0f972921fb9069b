package org.jobwitness.server.stream;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.Run;
import org.jobwitness.server.sample.Figures;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/**
 * What is not published yet: for each run its state before and now, for each run on a node its newest figures. Filled by the
 * threads that write, which it never blocks, and emptied by the publisher. It is bounded; what exceeds the bounds is only
 * counted.
 */
final class Pending {
    private static final int MAX_CHANGES = 20_000;
    private static final int MAX_FIGURES = 50_000;

    private final Map<Long, JobChange> changes = new LinkedHashMap<>();
    private final Map<RunOnNode, Latest> figures = new LinkedHashMap<>();
    private long lost;
    private boolean closed;

    private record RunOnNode(long run, String node) {
    }

    /** The part of a sample that is published. */
    record Latest(long run, String node, Instant at, @Nullable Double cpuUsagePercent,
            @Nullable Double memoryUsageBytes, @Nullable Double gpuUsagePercent) {

        static Latest of(Sample sample) {
            Figures figures = sample.figures();
            return new Latest(sample.run(), sample.node(), sample.at(), figures.get(Figure.CPU_USAGE_PERCENT),
                    figures.get(Figure.MEMORY_USAGE_BYTES), figures.get(Figure.GPU_USAGE_PERCENT));
        }
    }

    /**
     * All that happened since the last one.
     *
     * @param changes one for each run, from its published state to the new one
     * @param figures the newest for each run on a node
     * @param lost how many changes and figures exceeded the bounds
     */
    record Snapshot(List<JobChange> changes, List<Latest> figures, long lost) {
    }

    synchronized void add(JobChange change) {
        long run = change.run().key();
        JobChange earlier = changes.get(run);
        if (earlier == null && changes.size() >= MAX_CHANGES) {
            lost++;
        } else {
            changes.put(run, earlier == null ? change : sinceBefore(earlier, change));
            notifyAll();
        }
    }

    private static JobChange sinceBefore(JobChange earlier, JobChange change) {
        // Of a run that was created and deleted meanwhile, the last state must stay known.
        Run before = earlier.before() == null && change.after() == null ? change.before() : earlier.before();
        return new JobChange(before, change.after());
    }

    synchronized void add(List<Sample> samples) {
        for (Sample sample : samples) {
            RunOnNode where = new RunOnNode(sample.run(), sample.node());
            Latest known = figures.get(where);
            if (known == null && figures.size() >= MAX_FIGURES) {
                lost++;
            } else if (known == null || !sample.at().isBefore(known.at())) {
                figures.put(where, Latest.of(sample));
            }
        }
        notifyAll();
    }

    /** Waits until something has happened; returns false once it is closed. */
    synchronized boolean await() throws InterruptedException {
        while (changes.isEmpty() && figures.isEmpty() && lost == 0 && !closed) {
            wait();
        }
        return !closed;
    }

    synchronized Snapshot take() {
        Snapshot snapshot = new Snapshot(List.copyOf(changes.values()), List.copyOf(figures.values()), lost);
        changes.clear();
        figures.clear();
        lost = 0;
        return snapshot;
    }

    synchronized void close() {
        closed = true;
        notifyAll();
    }
}
