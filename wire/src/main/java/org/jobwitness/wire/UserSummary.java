package org.jobwitness.wire;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a user's runs had, and what they made of it, in a stretch of time. Of a run that lies partly in it, that part counts.
 *
 * @param runs how many were there at some time between the two
 * @param states, reasons how many of them are in each state, and for which reason
 * @param cpuHours, gpuHours that they had; 0 counts runs of which it is not known
 * @param cpuUsage, gpuUsage percent of these that they used, over the runs that have samples; null if none has
 * @param cpuCoverage, gpuCoverage which part of the hours is of runs that have samples, 0..1; null if there are no hours
 * @param memoryUsage percent of the allocated memory that they needed at most, weighed by time; null if not known of any
 */
public record UserSummary(String user, Instant from, Instant to, long runs, Map<String, Long> states,
        Map<String, Long> reasons, double cpuHours, @Nullable Double cpuUsage, @Nullable Double cpuCoverage,
        double gpuHours, @Nullable Double gpuUsage, @Nullable Double gpuCoverage, @Nullable Double memoryUsage) {

    public UserSummary {
        states = Map.copyOf(states);
        reasons = Map.copyOf(reasons);
    }
}
