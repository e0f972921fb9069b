package org.jobwitness.server.demo;

import static java.util.Objects.requireNonNullElse;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;

/**
 * What an agent reads of a run on one node.
 *
 * @param tick the first one that is not before {@code at}: its batch has this reading
 * @param interval the time before {@code at} that the reading covers
 * @param gpus those that the run has on the node
 */
record Usage(SimRun run, String node, Instant at, Instant tick, Duration interval, JobReading reading,
        List<GpuReading> gpus) {

    Usage {
        gpus = List.copyOf(gpus);
    }

    double busyCpus() {
        return requireNonNullElse(reading.cpusUsed(), 0.0);
    }

    double cpuPercent() {
        return 100 * busyCpus() / run.template().cpus();
    }

    long memoryBytes() {
        return requireNonNullElse(reading.memoryUsageBytes(), 0L);
    }

    double busyGpus() {
        return gpus.stream().mapToDouble(gpu -> requireNonNullElse(gpu.utilizationPercent(), 0.0) / 100).sum();
    }
}
