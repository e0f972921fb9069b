package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * A user's choice.
 *
 * @param wanted whether to be told of one's running jobs; null for yes
 */
public record NoticeChoice(@Nullable Boolean wanted) {
    public boolean isWanted() {
        return !Boolean.FALSE.equals(wanted);
    }
}
