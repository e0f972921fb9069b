package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * A link that is to be made to a run.
 *
 * @param days for which it is good, 1..30; null for 7
 */
public record NewLink(@Nullable Integer days) {

    public NewLink {
        if (days != null && (days < 1 || days > 30)) {
            throw new InvalidFieldException("days", "must be 1..30, was " + days);
        }
    }
}
