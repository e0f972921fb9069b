package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Processes of a job that the kernel killed on one node because memory ran out.
 *
 * @param timestamp when memory.events changed, by the node's clock
 * @param step batch, extern, interactive or a number, as in the name of its cgroup; absent if the step ended before it could be
 *     found
 * @param killed number of processes
 * @param limitBytes memory.max of the step, or else of the job, at that time
 * @param cause whose memory ran out
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
