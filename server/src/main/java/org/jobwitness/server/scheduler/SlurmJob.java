package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.List;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jspecify.annotations.Nullable;

/**
 * A job as Slurm tells of it, whichever version of its API it speaks. What it does not tell, is null.
 *
 * @param accounted whether slurmdbd tells it, which has each run of a job; slurmctld has the last one only
 * @param stateReason slurmctld's for the state, {@code None} if it has none; slurmdbd's tells why the run once waited
 * @param nodes Slurm's expression for its nodes; null before it is given any
 * @param start when it began; as long as it waits, when Slurm thinks that it will
 * @param end when it ended; as long as it runs, when its time limit will end it, or, of slurmdbd, now
 * @param unlimited whether it says that there is no time limit
 * @param suspendedSeconds how long it was suspended, without a suspension that goes on; null if it never was
 * @param exit how the batch script ended
 * @param derivedExit the worst end of any step
 * @param gpusOfNodes of each node in order what it has there, as {@code gpu:a100:2(IDX:0-1)}; empty if not said
 * @param killedBy who asked to cancel it
 */
record SlurmJob(boolean accounted, String jobId, @Nullable String cluster, @Nullable String sluid, SlurmState state,
        @Nullable String stateReason, @Nullable String user, @Nullable Integer uid, @Nullable String name,
        @Nullable String partition, @Nullable String account, @Nullable String qos, @Nullable Long priority,
        @Nullable String nodes, @Nullable Instant submit, @Nullable Instant start, @Nullable Instant end,
        @Nullable Integer timeLimitMinutes, boolean unlimited, @Nullable Integer suspendedSeconds,
        @Nullable WaitStatus exit,
        @Nullable WaitStatus derivedExit,
        @Nullable String arrayJobId, @Nullable Integer arrayTaskId, @Nullable String hetJobId,
        @Nullable Integer restartCount, Resources requested, Resources allocated, List<String> gpusOfNodes,
        @Nullable String killedBy) {

    SlurmJob {
        gpusOfNodes = List.copyOf(gpusOfNodes);
    }
}
