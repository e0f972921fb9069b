package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The samples of a run, newest first.
 *
 * @param total number of all samples in the requested time
 */
public record SamplePage(String jobId, List<Sample> samples, long total) {

    public SamplePage {
        samples = List.copyOf(samples);
    }

    /**
     * The whole job at one time.
     *
     * @param nodeCount how many of its nodes the figures cover; absent where they were reported for the job as a whole
     * @param cpuUsage percent of the CPUs that the job has on those nodes
     * @param memoryUsageMb MiB on those nodes together
     * @param gpuUsage percent of the GPUs that the job has on those nodes
     */
    public record Sample(Instant timestamp, @Nullable Integer nodeCount, @Nullable Double cpuUsage,
            @Nullable Double memoryUsageMb, @Nullable Double gpuUsage) {
    }
}
