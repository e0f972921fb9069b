package org.jobwitness.server.job;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A run has changed, and the change is durable.
 *
 * @param before null for a new run
 * @param after null for one that was deleted
 */
public record JobChange(@Nullable Run before, @Nullable Run after) {

    /** The run, as it is, or as it was at last. */
    public Run run() {
        return after != null ? after : Objects.requireNonNull(before);
    }
}
