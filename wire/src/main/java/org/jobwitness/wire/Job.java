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
 * @param deadline when its time limit ends it, as the prolog knew it, or the scheduler since then
 * @param runtimeSeconds from start to end, or until now
 * @param suspendedSeconds for how long of that Slurm had it suspended, which does not count as use: by the scheduler's word or
 *     what agents saw, whichever is more; null if neither told
 * @param cpuUsage, memoryUsageMb, gpuUsage its last samples: percent of its CPUs, MiB on all its nodes, percent of its GPUs.
 *     So with averages and maxima; use of GPUs is the mean over those that the job holds alone and that were read, idle ones
 *     among them, and never of one that it shares
 * @param sampleCount how many samples there were, of all nodes; they may have expired since
 * @param coverage which part of its node-time the samples stand for, 0..1; null if no sample told its interval
 * @param maxCpuUsage, maxGpuUsage the highest sample of any of its nodes
 * @param maxMemoryUsageMb each node's highest, by memory.peak or a sample, added up: never more at one moment
 * @param cpuSeconds CPU time used, from the last readings of its cgroups
 * @param oomKills processes that the kernel killed for lack of memory
 * @param oomKillEvents those whose moment was seen, the earliest first, of the many the earliest; null if there is none, and in
 *     lists of jobs
 * @param gpus each one that it holds or held; null if none is known, and in lists of jobs
 */
public record Job(String id, long run, String cluster, String clusterName, @Nullable String user, @Nullable Integer uid,
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
        @Nullable List<JobGpu> gpus, @Nullable String cgroupPath, @Nullable JobFigures figures, Scheduler scheduler) {

    public Job {
        nodes = List.copyOf(nodes);
        oomKillEvents = oomKillEvents == null ? null : List.copyOf(oomKillEvents);
        gpuDevices = gpuDevices == null ? null : List.copyOf(gpuDevices);
        gpus = gpus == null ? null : List.copyOf(gpus);
    }
}
