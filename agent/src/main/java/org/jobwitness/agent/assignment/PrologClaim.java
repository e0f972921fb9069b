package org.jobwitness.agent.assignment;

import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * The GPUs that Slurm gave to one job of this node, as far as they are known.
 *
 * @param devices in the prolog's event: UUIDs, or Slurm's indexes if there are no UUIDs; empty if it named none, null if the event
 *     was not seen
 * @param vendor of the devices, from the same event
 * @param hint SLURM_JOB_GPUS in the environment of a process of the job, which the user may have changed; null if it was not read
 */
public record PrologClaim(String jobId, @Nullable List<String> devices, @Nullable GpuVendor vendor,
        @Nullable String hint) {
    public PrologClaim {
        devices = devices == null ? null : List.copyOf(devices);
    }
}
