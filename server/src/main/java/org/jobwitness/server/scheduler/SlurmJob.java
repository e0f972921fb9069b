package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jobwitness.server.query.ArrayTasks;
import org.jspecify.annotations.Nullable;

/**
 * A job in Slurm's record, for all versions of the API. Missing values are null.
 *
 * @param accounted whether it is from slurmdbd, which has each run of a job; slurmctld has the last one only
 * @param stateReason slurmctld's for the state, {@code None} if it has none; slurmdbd's is why the run once waited
 * @param stateDescription what slurmctld says instead of the reason, where it knows more; null if it has nothing
 * @param nodes Slurm's expression for its nodes; null before it has any
 * @param start when it started; of a pending job, when Slurm expects that
 * @param end when it ended; of a running job, when its time limit will end it, or, in slurmdbd, now
 * @param unlimited whether it has no time limit
 * @param suspendedSeconds how long it was suspended, without a suspension that has not ended; null if it never was
 * @param exit how the batch script ended
 * @param derivedExit the worst end of any step
 * @param batch whether it has a batch script (sbatch), or none (salloc, srun); null if not reported
 * @param gpusOfNodes its GPUs on each node in order, as {@code gpu:a100:2(IDX:0-1)}; empty if not reported
 * @param terms in what terms it asked for CPUs and memory
 * @param arrayTasks the tasks of an array that wait together as this job; null if it is one task, or not known
 * @param failedNode the node whose failure ended it, or an earlier run of it; null if not reported
 * @param killedBy the user who cancelled it
 */
record SlurmJob(boolean accounted, String jobId, @Nullable String cluster, @Nullable String sluid, SlurmState state,
        @Nullable String stateReason, @Nullable String stateDescription, @Nullable String user, @Nullable Long uid,
        @Nullable String name,
        @Nullable String partition, @Nullable String account, @Nullable String qos, @Nullable Long priority,
        @Nullable String nodes, @Nullable Instant submit, @Nullable Instant start, @Nullable Instant end,
        @Nullable Integer timeLimitMinutes, boolean unlimited, @Nullable Integer suspendedSeconds,
        @Nullable WaitStatus exit, @Nullable WaitStatus derivedExit, @Nullable String arrayJobId,
        @Nullable Integer arrayTaskId, @Nullable ArrayTasks arrayTasks, @Nullable String hetJobId,
        @Nullable Integer hetJobOffset,
        @Nullable Integer restartCount, Resources requested, Resources allocated, List<String> gpusOfNodes,
        Terms terms, @Nullable String failedNode, @Nullable String killedBy, @Nullable Boolean batch) {

    /**
     * In what terms a job asked for CPUs and memory.
     *
     * @param memoryPerTres memory by GPU, such as {@code gres/gpu:4096}
     * @param exclusive null if it is not known
     * @param tres other resources, by the name of Slurm's field, such as {@code tres_per_node}
     */
    record Terms(@Nullable Integer tasks, @Nullable Integer cpusPerTask, @Nullable Long memoryPerCpuMb,
            @Nullable Long memoryPerNodeMb, @Nullable String memoryPerTres, @Nullable Boolean exclusive,
            Map<String, String> tres) {
        Terms {
            tres = Map.copyOf(tres);
        }
    }

    SlurmJob {
        gpusOfNodes = List.copyOf(gpusOfNodes);
    }

    SlurmJob withStart(Instant other) {
        return new SlurmJob(accounted, jobId, cluster, sluid, state, stateReason, stateDescription, user, uid, name,
                partition, account, qos, priority, nodes, submit, other, end, timeLimitMinutes, unlimited,
                suspendedSeconds, exit, derivedExit, arrayJobId, arrayTaskId, arrayTasks, hetJobId, hetJobOffset,
                restartCount,
                requested, allocated, gpusOfNodes, terms, failedNode, killedBy, batch);
    }
}
