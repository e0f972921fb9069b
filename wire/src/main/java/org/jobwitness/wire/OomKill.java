package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Processes of a job that the kernel killed on one node because memory had run out.
 *
 * @param timestamp when memory.events told of it, by the node's clock
 * @param step whose processes they were: batch, extern, interactive or a number, as Slurm names its cgroup; left out where
 *     the step had gone before it could be asked
 * @param killed how many processes
 * @param limitBytes the memory.max of the step or else of the job, at that moment
 * @param cause what had run out
 */
public record OomKill(Instant timestamp, @Nullable String step, Integer killed, @Nullable Long limitBytes,
        OomCause cause) {

    public OomKill {
        timestamp = Checks.required("timestamp", Checks.time("timestamp", timestamp));
        step = Checks.text("step", step, 64);
        killed = Checks.required("killed", Checks.within("killed", killed, 1, Integer.MAX_VALUE));
        limitBytes = Checks.size("limit_bytes", limitBytes);
        cause = Checks.required("cause", cause);
    }
}
