package org.jobwitness.server.verdict;

import java.time.Duration;

/**
 * When a rule applies. docs/verdicts.md gives the reason for each.
 *
 * @param minSamples of a node or GPU before its usage is judged
 * @param usedPercent less use than this of the CPUs, the memory or the time is too little
 * @param gpuIdle how long a GPU may be idle
 * @param gpuLowPercent less average utilization of GPUs than this is low
 * @param imbalancePercent less CPU use than this of the busiest node's is almost idle
 * @param memoryNearPercent more of the memory limit than this is close to it
 * @param stallPercent more time than this spent waiting or throttled is too much
 * @param coveragePercent samples that cover less time than this are too few
 * @param shortJobs so many short jobs in a day are too many
 * @param marginPercent added to what was used to make a suggestion
 */
public record Thresholds(int minSamples, int usedPercent, Duration gpuIdle, int gpuLowPercent, int imbalancePercent,
        int memoryNearPercent, int stallPercent, int coveragePercent, int shortJobs, int marginPercent) {

    /** The defaults. */
    public static final Thresholds USUAL = new Thresholds(20, 40, Duration.ofMinutes(30), 20, 25, 95, 10, 80, 50, 20);
    /** A job that takes less is short: its start and end cost the cluster about as much as its work. */
    static final Duration SHORT = Duration.ofMinutes(5);
    /** Less unused memory than this on a node does not matter. */
    static final double MIN_UNUSED_MEMORY = 1L << 30;
    /** Less unused time than this does not matter. */
    static final Duration MIN_UNUSED_TIME = Duration.ofHours(1);

    /** Why use that was measured so seldom is not judged. */
    String tooFew(long samples) {
        return "only " + Phrases.count(samples, "sample") + " of at least " + minSamples;
    }
}
