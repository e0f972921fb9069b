package org.jobwitness.server.access;

import org.jspecify.annotations.Nullable;

/**
 * A person, by name or uid or both: at least one of them is known.
 *
 * @param name null where no name is known for the uid
 * @param uid null where whoever vouches for the user knows names only
 * @param cluster the only cluster on which the name and the uid mean this person; null for all
 */
public record User(@Nullable String name, @Nullable Long uid, @Nullable String cluster) {

    public User {
        if (name == null && uid == null) {
            throw new IllegalArgumentException("a user without name and uid");
        }
    }

    /** The name, else the uid. */
    public String label() {
        return name == null ? "uid " + uid : name;
    }
}
