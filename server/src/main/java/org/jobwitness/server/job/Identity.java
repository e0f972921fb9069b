package org.jobwitness.server.job;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Names one run: by SLUID (Slurm 25.11 on), else by the start time that slurmctld put into the job's credential (23.02 on;
 * equal in every hook of the run), else only by the job id, which a requeue keeps and a counter that wraps repeats.
 *
 * @param startTime Slurm's own start of the run, never a node's clock
 */
public record Identity(String cluster, String jobId, @Nullable String sluid, @Nullable Instant startTime) {

    /** A job id whose runs are not told apart. */
    public static Identity ofJob(String cluster, String jobId) {
        return new Identity(cluster, jobId, null, null);
    }

    /** The same run, with the names that the other one adds. */
    Identity merge(Identity other) {
        return new Identity(cluster, jobId, sluid != null ? sluid : other.sluid,
                startTime != null ? startTime : other.startTime);
    }
}
