package org.jobwitness.wire;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the runs that ended in a period were given and used, as far as the caller may see them. A run counts in full on the day of
 * its end, in UTC. All hours are rounded to a ten-thousandth; rows and total come from the same whole milliseconds.
 *
 * @param by what the rows are of: account, user, partition, cluster, node or gpu_model
 * @param every day, week or month; null if the period is not divided
 * @param from, to the days, of which {@code to} is not one
 * @param timestamp when it was made
 * @param pending runs that have ended and are not in it yet
 * @param groups how many rows there are; {@code rows} may have fewer
 */
public record Report(String by, @Nullable String every, LocalDate from, LocalDate to, Instant timestamp, long pending,
        long groups, Row total, List<Row> rows) {

    public Report {
        rows = List.copyOf(rows);
    }

    /**
     * One row.
     *
     * @param key the account, user and so on; null if it is not known, or of the total
     * @param period such as 2026-11-30, 2026-W49 or 2026-11; null if the period is not divided, or of the total
     * @param runs that ended
     * @param notMeasuredRuns of these, runs that took time and of whose CPUs no use is known
     * @param nodeHours nodes times hours, without suspension
     * @param coverage the share of the node-hours for which samples stand, 0..1; null without any
     * @param gpuEnergyKwh by the counters of GPUs that runs held alone
     * @param ends by state and reason, the most CPU-hours first
     */
    public record Row(@Nullable String key, @Nullable String period, long runs, long notMeasuredRuns, double nodeHours,
            @Nullable Double coverage, Hours cpu, Hours gpu, Hours memory, double gpuEnergyKwh, Waiting waiting,
            List<End> ends) {

        public Row {
            ends = List.copyOf(ends);
        }

        /** How many of the runs ended in a state. */
        public long runs(JobState state) {
            return ends.stream().filter(end -> end.state() == state).mapToLong(End::runs).sum();
        }

        /** CPU-hours of runs that did not complete. */
        public double cpuHoursLost() {
            return ends.stream().filter(End::countsAsLost).mapToDouble(End::cpuHours).sum();
        }

        /** GPU-hours of runs that did not complete. */
        public double gpuHoursLost() {
            return ends.stream().filter(End::countsAsLost).mapToDouble(End::gpuHours).sum();
        }
    }

    /**
     * Hours of one resource: of a CPU, of a GPU, or of a GiB of memory.
     *
     * @param allocated what runs had, times how long they had it, without suspension
     * @param used what of it was busy; of memory, the peak on each node for all of the time
     * @param wasted the unused part of those allocated hours of which the use is known
     * @param notMeasured the share of the allocated hours of which the use is not known, 0..1; null if there are none
     */
    public record Hours(double allocated, double used, double wasted, @Nullable Double notMeasured) {
    }

    /**
     * The time from submission to start.
     *
     * @param runs of which it is known
     * @param hours of all of them
     * @param meanSeconds null without any
     */
    public record Waiting(long runs, double hours, @Nullable Double meanSeconds) {
    }

    /**
     * The runs that ended in one way. Of runs that failed or were cancelled, the hours are those that are lost, as far as the
     * jobs did not save their work.
     *
     * @param reason null if it is not known, or of a success
     */
    public record End(JobState state, @Nullable Reason reason, long runs, double cpuHours, double gpuHours) {
        /** Whether its hours count as lost. */
        public boolean countsAsLost() {
            return state != JobState.COMPLETED;
        }
    }
}
