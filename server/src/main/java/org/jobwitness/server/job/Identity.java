package org.jobwitness.server.job;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Names one run among all: by SLUID (Slurm 25.11 on), else by the start time that slurmctld put into the job's
 * credential (23.02 on; equal in every hook of the run), else only the job id, which a requeue keeps and a wrap repeats.
 *
 * @param startTime Slurm's own start of the run, never a node's clock
 */
public record Identity(String cluster, String jobId, @Nullable String sluid, @Nullable Instant startTime) {

    /** The same run, known by the other's names too. */
    Identity alias(Identity other) {
        return new Identity(cluster, jobId, sluid != null ? sluid : other.sluid,
                startTime != null ? startTime : other.startTime);
    }
}
