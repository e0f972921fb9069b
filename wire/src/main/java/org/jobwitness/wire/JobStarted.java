package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The event of a prolog: a job starts on a node. Every node of a job may send it; each adds what it knows.
 *
 * @param jobId Slurm's job id; {@code slurm-123} is read as {@code 123}
 * @param user name of the job's owner
 * @param nodeList host names or Slurm's bracket expressions ({@code n[001-003,7]}), at least one
 * @param timestamp when it was sent, by the node's clock
 * @param node the node that sends it
 * @param cpuAllocation CPUs of the whole job
 * @param memoryAllocationMb memory of the whole job, MiB
 * @param gpuAllocation GPUs on {@code node}, or of the whole job if {@code node} is not given
 * @param gpuDevices the GPUs on {@code node}: UUIDs, or gres indexes where Slurm has no UUIDs
 * @param cgroupPath the job's cgroup on {@code node}, below the cgroup root
 * @param startTime Slurm's start of this run (SLURM_JOB_START_TIME), which identifies it where there is no SLUID
 * @param endTime the run's deadline (the prolog's SLURM_JOB_END_TIME)
 * @param restartCount how often the job had been requeued when this run started (SLURM_JOB_RESTART_COUNT)
 * @param cpusPerNode SLURM_JOB_CPUS_PER_NODE as it stands: {@code 72(x3),36} for the nodes of {@code nodeList} in order
 * @param scheduler further attributes from the scheduler, where the sender knows them
 * @param eventId identifies this event in the audit trail
 */
public record JobStarted(String jobId, String user, List<String> nodeList, @Nullable Instant timestamp,
        @Nullable String node, @Nullable Long uid, @Nullable Integer cpuAllocation,
        @Nullable Long memoryAllocationMb, @Nullable Integer gpuAllocation, @Nullable GpuVendor gpuVendor,
        List<String> gpuDevices, @Nullable String cgroupPath, @Nullable String partition, @Nullable String account,
        @Nullable String cluster, @Nullable String sluid, @Nullable Instant startTime, @Nullable Instant endTime,
        @Nullable Integer restartCount, @Nullable String hetJobId, @Nullable String cpusPerNode,
        @Nullable Scheduler scheduler, @Nullable String eventId) {

    public JobStarted {
        jobId = JobId.of("job_id", jobId);
        user = Checks.requiredText("user", user, 256);
        nodeList = Checks.texts("node_list", nodeList, 65_536, 65_536);
        if (nodeList.isEmpty()) {
            throw new InvalidFieldException("node_list", "must name at least one node");
        }
        timestamp = Checks.time("timestamp", timestamp);
        node = Checks.node("node", node);
        uid = Checks.uid("uid", uid);
        cpuAllocation = Checks.within("cpu_allocation", cpuAllocation, 1, 100_000_000);
        memoryAllocationMb = Checks.within("memory_allocation_mb", memoryAllocationMb, 1L, 1L << 40);
        gpuAllocation = Checks.within("gpu_allocation", gpuAllocation, 0, 10_000_000);
        gpuDevices = Checks.texts("gpu_devices", gpuDevices, 1024, 256);
        cgroupPath = Checks.text("cgroup_path", cgroupPath, 4096);
        partition = Checks.text("partition", partition, 256);
        account = Checks.text("account", account, 256);
        cluster = Checks.text("cluster", cluster, 256);
        sluid = Checks.sluid("sluid", sluid);
        startTime = Checks.time("start_time", startTime);
        endTime = Checks.time("end_time", endTime);
        restartCount = Checks.within("restart_count", restartCount, 0, Integer.MAX_VALUE);
        hetJobId = hetJobId == null ? null : JobId.of("het_job_id", hetJobId);
        cpusPerNode = Checks.text("cpus_per_node", cpusPerNode, 65_536);
        if (scheduler != null) {
            scheduler.checkAsRequest();
        }
        eventId = Checks.text("event_id", eventId, 256);
    }
}
