package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The event of an epilog: a job has ended on a node. User, nodes and resources are repeated, since the prolog may never have run
 * or its event may be lost.
 *
 * @param finalState completed, failed or cancelled, where the sender knows it
 * @param exitCode, signal the two halves of SLURM_JOB_EXIT_CODE2
 * @param rawStatus SLURM_JOB_EXIT_CODE: a wait(2) status; Slurm sets 253 for an OOM kill in the batch step
 * @param derivedExitCode SLURM_JOB_DERIVED_EC: the highest wait status of any step
 * @param timestamp when the job ended: SLURM_JOB_END_TIME (slurmctld's clock), or the node's clock where that is wrong
 * @param restartCount SLURM_JOB_RESTART_COUNT; already incremented if a requeue ended this run
 * @param scheduler further attributes from the scheduler, where the sender knows them
 * @param reading last figures of the job's cgroup, if it could still be read
 */
public record JobFinished(String jobId, @Nullable JobState finalState, @Nullable Integer exitCode,
        @Nullable Integer signal, @Nullable Integer rawStatus, @Nullable Integer derivedExitCode,
        @Nullable Instant timestamp, @Nullable String node, @Nullable String cluster, @Nullable String sluid,
        @Nullable Instant startTime, @Nullable Integer restartCount, @Nullable String user, @Nullable Long uid,
        List<String> nodeList, @Nullable String cpusPerNode, @Nullable String partition, @Nullable String account,
        @Nullable EpilogReading reading, @Nullable Scheduler scheduler, @Nullable String eventId) {

    public JobFinished {
        jobId = JobId.of("job_id", jobId);
        if (finalState != null && !finalState.isFinal()) {
            throw new InvalidFieldException("final_state", "must be completed, failed or cancelled, was " + finalState);
        }
        exitCode = Checks.within("exit_code", exitCode, 0, 255);
        signal = Checks.within("signal", signal, 0, 127);
        rawStatus = Checks.within("raw_status", rawStatus, 0, 0xffff);
        derivedExitCode = Checks.within("derived_exit_code", derivedExitCode, 0, 0xffff);
        timestamp = Checks.time("timestamp", timestamp);
        node = Checks.node("node", node);
        cluster = Checks.text("cluster", cluster, 256);
        sluid = Checks.sluid("sluid", sluid);
        startTime = Checks.time("start_time", startTime);
        restartCount = Checks.within("restart_count", restartCount, 0, Integer.MAX_VALUE);
        user = Checks.text("user", user, 256);
        uid = Checks.uid("uid", uid);
        nodeList = Checks.texts("node_list", nodeList, 65_536, 65_536);
        cpusPerNode = Checks.text("cpus_per_node", cpusPerNode, 65_536);
        partition = Checks.text("partition", partition, 256);
        account = Checks.text("account", account, 256);
        if (scheduler != null) {
            scheduler.checkAsRequest();
        }
        eventId = Checks.text("event_id", eventId, 256);
    }
}
