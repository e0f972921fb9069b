package org.jobwitness.wire;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The scheduler's attributes of a run. A request may contain those that its sender knows; a response contains all.
 *
 * @param type {@code slurm}, or {@code mock} for a job without a scheduler
 * @param externalJobId the scheduler's own id, where it is not the job's
 * @param sluid, derivedExitCode, restartCount, hetJobId, exitCode, signal in responses only: requests have them in the fields of events
 * @param rawState the scheduler's own state
 * @param stateReason the scheduler's own reason
 * @param stateDescription the scheduler's sentence about it, where it has one
 * @param priority Slurm's, 0..4294967295
 * @param suspendedSeconds how long it was suspended, without a suspension that still lasts
 * @param arrayTasks which tasks of the array wait together as this job, as squeue shows them: {@code 2-9,20%4}; with dots at its end
 *     where the scheduler cut it off
 * @param arrayTaskCount how many these are; at least, if it was cut off
 * @param hetJobOffset which component of the heterogeneous job it is, from 0
 * @param failedNode the node whose failure ended the job's last run that a node's failure ended
 * @param cancelledBy who cancelled the job: a user's name, or a uid where Slurm knows no name
 * @param tasks, cpusPerTask, memoryPerCpuMb, memoryPerNodeMb in what terms it asked for CPUs and memory: memory is asked for by
 *     CPU or by node
 * @param memoryPerTres, cpusPerTres memory, and CPUs, asked for by GPU, in the scheduler's own words
 * @param tresPerJob, tresPerNode, tresPerSocket, tresPerTask GPUs and others that it asked for, in the scheduler's own words
 * @param exclusive whether it asked for whole nodes
 * @param batch whether it has a batch script (sbatch), or none (salloc, srun)
 * @param extra anything else to be kept: JSON values by name, 16,384 characters in total
 */
public record Scheduler(@Nullable String type, @Nullable String externalJobId, @Nullable String name,
        @Nullable String sluid, @Nullable String rawState, @Nullable String stateReason,
        @Nullable String stateDescription, @Nullable Instant submitTime,
        @Nullable String partition, @Nullable String account, @Nullable String qos, @Nullable Long priority,
        @Nullable Integer timeLimitMinutes, @Nullable Integer suspendedSeconds, @Nullable Integer exitCode,
        @Nullable Integer signal, @Nullable Integer derivedExitCode, @Nullable Integer restartCount,
        @Nullable String hetJobId,
        @Nullable String arrayJobId, @Nullable Integer arrayTaskId, @Nullable String arrayTasks,
        @Nullable Integer arrayTaskCount,
        @Nullable Integer hetJobOffset,
        @Nullable String failedNode, @Nullable String cancelledBy,
        @Nullable Integer tasks, @Nullable Integer cpusPerTask, @Nullable Long memoryPerCpuMb,
        @Nullable Long memoryPerNodeMb, @Nullable String memoryPerTres, @Nullable String cpusPerTres,
        @Nullable String tresPerJob,
        @Nullable String tresPerNode,
        @Nullable String tresPerSocket, @Nullable String tresPerTask, @Nullable Boolean exclusive,
        @Nullable Boolean batch,
        @Nullable Map<String, Object> extra) {
    private static final String FIELD = "scheduler.";

    public Scheduler {
        if (type != null && !type.equals("slurm") && !type.equals("mock")) {
            throw new InvalidFieldException(FIELD + "type", "must be slurm or mock, was " + Checks.shown(type));
        }
        externalJobId = externalJobId == null ? null : JobId.of(FIELD + "external_job_id", externalJobId);
        name = Checks.text(FIELD + "name", name, 1024);
        sluid = Checks.sluid(FIELD + "sluid", sluid);
        rawState = Checks.text(FIELD + "raw_state", rawState, 256);
        stateReason = Checks.text(FIELD + "state_reason", stateReason, 1024);
        stateDescription = Checks.text(FIELD + "state_description", stateDescription, 1024);
        submitTime = Checks.time(FIELD + "submit_time", submitTime);
        partition = Checks.text(FIELD + "partition", partition, 256);
        account = Checks.text(FIELD + "account", account, 256);
        qos = Checks.text(FIELD + "qos", qos, 256);
        priority = Checks.within(FIELD + "priority", priority, 0L, 0xffff_ffffL);
        timeLimitMinutes = Checks.within(FIELD + "time_limit_minutes", timeLimitMinutes, 1, Integer.MAX_VALUE);
        suspendedSeconds = Checks.within(FIELD + "suspended_seconds", suspendedSeconds, 0, Integer.MAX_VALUE);
        exitCode = Checks.within(FIELD + "exit_code", exitCode, 0, 255);
        signal = Checks.within(FIELD + "signal", signal, 0, 127);
        derivedExitCode = Checks.within(FIELD + "derived_exit_code", derivedExitCode, 0, 0xffff);
        restartCount = Checks.within(FIELD + "restart_count", restartCount, 0, Integer.MAX_VALUE);
        hetJobId = hetJobId == null ? null : JobId.of(FIELD + "het_job_id", hetJobId);
        arrayJobId = arrayJobId == null ? null : JobId.of(FIELD + "array_job_id", arrayJobId);
        arrayTaskId = Checks.within(FIELD + "array_task_id", arrayTaskId, 0, Integer.MAX_VALUE);
        arrayTasks = Checks.text(FIELD + "array_tasks", arrayTasks, 256);
        arrayTaskCount = Checks.within(FIELD + "array_task_count", arrayTaskCount, 1, Integer.MAX_VALUE);
        hetJobOffset = Checks.within(FIELD + "het_job_offset", hetJobOffset, 0, Integer.MAX_VALUE);
        failedNode = Checks.text(FIELD + "failed_node", failedNode, 256);
        cancelledBy = Checks.text(FIELD + "cancelled_by", cancelledBy, 256);
        tasks = Checks.within(FIELD + "tasks", tasks, 1, Integer.MAX_VALUE);
        cpusPerTask = Checks.within(FIELD + "cpus_per_task", cpusPerTask, 1, Integer.MAX_VALUE);
        memoryPerCpuMb = Checks.within(FIELD + "memory_per_cpu_mb", memoryPerCpuMb, 1L, 1L << 40);
        memoryPerNodeMb = Checks.within(FIELD + "memory_per_node_mb", memoryPerNodeMb, 1L, 1L << 40);
        memoryPerTres = Checks.text(FIELD + "memory_per_tres", memoryPerTres, 256);
        cpusPerTres = Checks.text(FIELD + "cpus_per_tres", cpusPerTres, 256);
        tresPerJob = Checks.text(FIELD + "tres_per_job", tresPerJob, 256);
        tresPerNode = Checks.text(FIELD + "tres_per_node", tresPerNode, 256);
        tresPerSocket = Checks.text(FIELD + "tres_per_socket", tresPerSocket, 256);
        tresPerTask = Checks.text(FIELD + "tres_per_task", tresPerTask, 256);
        if (extra != null) {
            extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
        }
    }

    /**
     * Limits of requests only. A field that belongs elsewhere in an event is refused rather than ignored; and what is stored
     * must stay readable even where it has grown: the database writes 1e9 in full.
     */
    void checkAsRequest() {
        if (extra != null) {
            Checks.json(FIELD + "extra", extra, 16_384);
        }
        refuse("sluid", sluid);
        refuse("exit_code", exitCode);
        refuse("signal", signal);
        refuse("derived_exit_code", derivedExitCode);
        refuse("restart_count", restartCount);
        refuse("het_job_id", hetJobId);
    }

    private static void refuse(String name, @Nullable Object value) {
        if (value != null) {
            throw new InvalidFieldException(FIELD + name, "is told by the fields of events, and only shown here");
        }
    }
}
