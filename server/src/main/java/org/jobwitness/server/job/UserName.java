package org.jobwitness.server.job;

import org.jspecify.annotations.Nullable;

/**
 * Which of two reported owners of a run stands. A sender that does not know the name puts a uid in its place, and Slurm itself
 * reports {@code nobody} for a uid that its node cannot look up: neither ever stands against a name, whichever came first.
 */
final class UserName {
    private UserName() {
    }

    static @Nullable String better(@Nullable String stored, @Nullable String incoming, Differences differences) {
        if (stored == null || incoming == null) {
            return stored == null ? incoming : stored;
        }
        int difference = rank(incoming) - rank(stored);
        if (difference == 0) {
            return differences.keep("user", stored, incoming);
        }
        return difference > 0 ? incoming : stored;
    }

    private static int rank(String name) {
        if (name.equals("nobody")) {
            return 0;
        }
        return name.chars().allMatch(c -> c >= '0' && c <= '9') ? 1 : 2;
    }
}
