package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run of a job, as the API shows it. What is unknown is null, and absent from the JSON.
 *
 * @param run identifies this run; {@code id} alone means the newest
 * @param nodes empty if they are unknown; then {@code nodeCount} is null
 * @param confirmed for an ended run: whether its state is certain, by the scheduler or an exit status
 * @param seenOnlyAtEnd true if there was no event of its prolog
 * @param deadline when its time limit expires, by its prolog, or by the scheduler since then
 * @param runtimeSeconds from start to end, or until now
 * @param suspendedSeconds the part of that in which it was suspended, which does not count as use: by the scheduler or by
 *     agents, whichever is more; null if neither knows
 * @param cpuUsage, memoryUsageMb, gpuUsage its last samples: percent of its CPUs, MiB on all its nodes, percent of its GPUs.
 *     So are averages and maxima; use of GPUs is the mean over those that only this job has and that were read, including idle
 *     ones; a shared GPU never counts
 * @param sampleCount number of samples of all nodes; they may have expired
 * @param coverage the share of its node-time that its samples cover, 0..1; null if no sample has an interval
 * @param maxCpuUsage, maxGpuUsage the highest sample of any of its nodes
 * @param maxMemoryUsageMb sum of each node's maximum, by memory.peak or a sample: an upper bound of the maximum of the sum
 * @param cpuSeconds CPU time used, from the last readings of its cgroups
 * @param oomKills processes that the kernel killed because memory ran out
 * @param oomKillEvents those whose time is known, the earliest first, and of too many only the earliest; null if there are none, and
 *     in lists of jobs
 * @param gpus all that it has or had; null if none is known, and in lists of jobs
 * @param array, hetJob the job array or heterogeneous job as a whole, if the job was asked for by the id of one
 */
public record Job(String id, long run, String cluster, String clusterName, @Nullable String user, @Nullable Long uid,
        List<String> nodes, @Nullable Integer nodeCount, JobState state, @Nullable Reason reason,
        @Nullable Boolean confirmed, @Nullable Boolean seenOnlyAtEnd, @Nullable Instant startTime,
        @Nullable Instant endTime, @Nullable Instant deadline, @Nullable Double runtimeSeconds,
        @Nullable Double suspendedSeconds,
        @Nullable Integer requestedCpus, @Nullable Long requestedMemoryMb, @Nullable Integer requestedGpus,
        @Nullable Integer allocatedCpus, @Nullable Long allocatedMemoryMb, @Nullable Integer allocatedGpus,
        @Nullable Double cpuUsage, @Nullable Double memoryUsageMb, @Nullable Double gpuUsage,
        @Nullable Instant lastSampleAt, long sampleCount, @Nullable Double coverage, @Nullable Double avgCpuUsage,
        @Nullable Double maxCpuUsage, @Nullable Double maxMemoryUsageMb, @Nullable Double avgGpuUsage,
        @Nullable Double maxGpuUsage, @Nullable Double cpuSeconds, @Nullable Long oomKills,
        @Nullable List<JobOomKill> oomKillEvents, @Nullable GpuVendor gpuVendor, @Nullable List<String> gpuDevices,
        @Nullable List<JobGpu> gpus, @Nullable String cgroupPath, @Nullable JobFigures figures, Scheduler scheduler,
        @Nullable JobArray array, @Nullable HetJob hetJob) {

    public Job {
        nodes = List.copyOf(nodes);
        oomKillEvents = oomKillEvents == null ? null : List.copyOf(oomKillEvents);
        gpuDevices = gpuDevices == null ? null : List.copyOf(gpuDevices);
        gpus = gpus == null ? null : List.copyOf(gpus);
    }
}
