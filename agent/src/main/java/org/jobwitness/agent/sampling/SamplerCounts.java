package org.jobwitness.agent.sampling;

/**
 * For the agent's own metrics.
 *
 * @param jobs on the node now
 * @param unknownJobs those of them whose job id is unknown
 * @param lastCycleNanos duration of the last reading of all jobs
 */
public record SamplerCounts(int jobs, int unknownJobs, long cycles, long kills, long lastCycleNanos) {
}
