package org.jobwitness.server.verdict;

import java.time.Duration;

/**
 * From where on something is worth saying. docs/verdicts.md tells why each is as it is.
 *
 * @param minSamples of a node or GPU before anything is said of how it was used
 * @param usedPercent who used less than this of the CPUs, the memory or the time that it asked for, asked for too much
 * @param gpuIdle so long a GPU may do nothing
 * @param gpuLowPercent who used its GPUs less than this, used them little
 * @param imbalancePercent a node that works less than this of what the busiest one does, hardly works
 * @param memoryNearPercent whose memory came closer to its limit than this, came close
 * @param stallPercent who was held up for more than this of its time, was held up
 * @param coveragePercent below this, too little was seen
 * @param shortJobs so many short jobs in a day are many
 * @param marginPercent what is added to what was used before it is suggested
 */
public record Thresholds(int minSamples, int usedPercent, Duration gpuIdle, int gpuLowPercent, int imbalancePercent,
        int memoryNearPercent, int stallPercent, int coveragePercent, int shortJobs, int marginPercent) {

    /** What holds where nobody sets anything else. */
    public static final Thresholds USUAL = new Thresholds(20, 40, Duration.ofMinutes(30), 20, 25, 95, 10, 80, 50, 20);
    /** A job that takes less is a short one: its start and end cost the cluster about as much as its work. */
    static final Duration SHORT = Duration.ofMinutes(5);
    /** Less unused memory than this on a node is not worth a word. */
    static final double MEMORY_WORTH_SAYING = 1L << 30;
    /** Less unused time than this is not worth a word. */
    static final Duration TIME_WORTH_SAYING = Duration.ofHours(1);
}
