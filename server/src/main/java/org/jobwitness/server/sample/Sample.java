package org.jobwitness.server.sample;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What a run used at one moment on one node.
 *
 * @param run the run's key
 * @param node empty if it is of the job as a whole
 * @param interval the time that the sample stands for; null if its sender did not say
 * @param cpuUsagePercent of the CPUs that the job has on the node
 * @param gpuUsagePercent of the GPUs that the job has on the node
 * @param gpus each of these GPUs, where they were told apart
 */
public record Sample(long run, String node, Instant at, @Nullable Duration interval,
        @Nullable Double cpuUsagePercent, @Nullable Long memoryBytes, @Nullable Double gpuUsagePercent,
        List<Gpu> gpus) {

    public Sample {
        gpus = List.copyOf(gpus);
    }

    /** The same figures at another time. */
    Sample at(Instant other) {
        return new Sample(run, node, other, interval, cpuUsagePercent, memoryBytes, gpuUsagePercent, gpus);
    }

    /**
     * One GPU of the job.
     *
     * @param gpu its UUID, or its index on the node
     */
    public record Gpu(String gpu, @Nullable GpuVendor vendor, @Nullable Double utilizationPercent,
            @Nullable Long memoryUsedBytes, @Nullable Double powerWatts, @Nullable Double temperatureCelsius) {
    }
}
