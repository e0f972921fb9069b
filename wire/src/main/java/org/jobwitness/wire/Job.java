package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of a job, as the API tells it. What is not known is null and left out of the JSON.
 *
 * @param run names this run among all; {@code id} alone means the newest
 * @param nodes empty if no event told of them; {@code nodeCount} is null then
 * @param confirmed for an ended run: whether its state is beyond doubt (the scheduler or an exit status said so)
 * @param seenOnlyAtEnd true when no prolog ever told of this run
 * @param deadline when its time limit ends it, as the prolog knew it
 * @param runtimeSeconds from start to end, or until now
 * @param cpuSeconds CPU time used, from the last readings of its cgroups
 * @param maxMemoryUsageMb highest memory.peak of any of its nodes, MiB
 * @param oomKills processes that the kernel killed for lack of memory
 */
public record Job(String id, long run, String cluster, String clusterName, @Nullable String user, @Nullable Integer uid,
        List<String> nodes, @Nullable Integer nodeCount, JobState state, @Nullable Reason reason,
        @Nullable Boolean confirmed,
        @Nullable Boolean seenOnlyAtEnd, @Nullable Instant startTime, @Nullable Instant endTime,
        @Nullable Instant deadline, @Nullable Double runtimeSeconds, @Nullable Integer allocatedCpus,
        @Nullable Long allocatedMemoryMb, @Nullable Integer allocatedGpus, @Nullable Double cpuSeconds,
        @Nullable Double maxMemoryUsageMb, @Nullable Long oomKills, @Nullable GpuVendor gpuVendor,
        @Nullable List<String> gpuDevices, @Nullable String cgroupPath, Scheduler scheduler) {

    public Job {
        nodes = List.copyOf(nodes);
        gpuDevices = gpuDevices == null ? null : List.copyOf(gpuDevices);
    }

    /**
     * What the scheduler calls this run.
     *
     * @param exitCode, signal of the batch script
     * @param derivedExitCode highest wait(2) status of any step
     */
    public record Scheduler(String type, String externalJobId, @Nullable String sluid, @Nullable String rawState,
            @Nullable String partition, @Nullable String account, @Nullable Integer exitCode, @Nullable Integer signal,
            @Nullable Integer derivedExitCode, @Nullable Integer restartCount, @Nullable String hetJobId) {
    }
}
