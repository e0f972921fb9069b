package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run used, moment by moment, newest first.
 *
 * @param total how many there are between the times that were asked for
 */
public record SamplePage(String jobId, List<Sample> samples, long total) {

    public SamplePage {
        samples = List.copyOf(samples);
    }

    /**
     * One moment of the whole job.
     *
     * @param nodeCount how many of its nodes the figures are of; absent where they were told of the job as a whole
     * @param cpuUsage percent of the CPUs that the job has on those nodes
     * @param memoryUsageMb MiB on those nodes together
     * @param gpuUsage percent of the GPUs that the job has on those nodes
     */
    public record Sample(Instant timestamp, @Nullable Integer nodeCount, @Nullable Double cpuUsage,
            @Nullable Double memoryUsageMb, @Nullable Double gpuUsage) {
    }
}
