package org.jobwitness.agent.assignment;

import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the GPUs that Slurm gave to one job of this node.
 *
 * @param devices what the prolog named: UUIDs, or Slurm's indexes where it knows no more; empty if it named none, null if nobody
 *     heard it
 * @param vendor of the devices, as the prolog said
 * @param hint what a process of the job has as SLURM_JOB_GPUS in its environment, which the user may have changed; null if it was
 *     not asked
 */
public record PrologClaim(String jobId, @Nullable List<String> devices, @Nullable GpuVendor vendor, @Nullable String hint) {
    public PrologClaim {
        devices = devices == null ? null : List.copyOf(devices);
    }
}
