package org.jobwitness.wire;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a user's runs were allocated and used in a period. Only the part of a run within the period counts.
 *
 * @param runs number of runs in the period
 * @param states, reasons number of runs by state and by reason
 * @param cpuHours, gpuHours allocated; a run whose allocation is unknown counts as 0
 * @param cpuUsage, gpuUsage percent of these that were used, over the runs with samples; null without any
 * @param cpuCoverage, gpuCoverage the share of the hours that belongs to runs with samples, 0..1; null if there are no hours
 * @param memoryUsage peak as percent of the allocated memory, weighted by time; null if unknown for all
 */
public record UserSummary(String user, Instant from, Instant to, long runs, Map<String, Long> states,
        Map<String, Long> reasons, double cpuHours, @Nullable Double cpuUsage, @Nullable Double cpuCoverage,
        double gpuHours, @Nullable Double gpuUsage, @Nullable Double gpuCoverage, @Nullable Double memoryUsage) {

    public UserSummary {
        states = Map.copyOf(states);
        reasons = Map.copyOf(reasons);
    }
}
