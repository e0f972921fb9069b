package org.jobwitness.server.job;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A committed change of a run.
 *
 * @param before null for a new run
 * @param after null for a deleted run
 */
public record JobChange(@Nullable Run before, @Nullable Run after) {

    /** The run as it is now; of a deleted one, its last state. */
    public Run run() {
        return after != null ? after : Objects.requireNonNull(before);
    }
}
