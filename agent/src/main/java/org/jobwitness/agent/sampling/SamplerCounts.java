package org.jobwitness.agent.sampling;

/**
 * For the agent's own metrics.
 *
 * @param jobs on the node now
 * @param unknownJobs those of them whose job id is unknown
 * @param lastCycleNanos duration of the last reading of all jobs
 * @param failures parts of the work that failed, each alone: a job, a GPU, an event
 * @param figuresLeftOut figures that were read, and that no reading may hold
 */
public record SamplerCounts(int jobs, int unknownJobs, long cycles, long kills, long lastCycleNanos,
        long failures, long figuresLeftOut) {
}
