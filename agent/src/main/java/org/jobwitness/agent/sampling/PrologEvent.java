package org.jobwitness.agent.sampling;

import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * The event of a job's prolog.
 *
 * @param gpuDevices the GPUs of this node that Slurm gave to the job: UUIDs or Slurm's indexes, empty if it named none
 * @param json all of it, as the prolog wrote it
 */
record PrologEvent(String jobId, @Nullable String sluid, @Nullable Instant startTime, @Nullable Long uid,
        @Nullable String user, List<String> gpuDevices, @Nullable GpuVendor gpuVendor, String json) {
    PrologEvent {
        gpuDevices = List.copyOf(gpuDevices);
    }
}
