package org.jobwitness.server.access;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jobwitness.wire.UserSession;
import org.jspecify.annotations.Nullable;

/**
 * What a token stands for that was given to a person.
 *
 * @param user who signed in, or who shares a run
 * @param run the only run that it shows; null for all that the user may see
 * @param address from which it was asked for
 * @param groups of the user, as whoever vouched for the user says, of those that the settings name
 */
public record Session(long id, User user, Method method, @Nullable Long run, Instant createdAt, Instant expiresAt,
        @Nullable String address, List<String> groups) {

    public Session {
        groups = List.copyOf(groups);
    }

    /** As the API shows it. */
    public UserSession shown(Role role) {
        return new UserSession(id, user.name(), user.uid(), role.toString(), method.toString(), run, createdAt,
                expiresAt, address);
    }

    /** How somebody came by it. */
    public enum Method {
        /** A credential of MUNGE. */
        MUNGE,
        /** A one-time code, in a browser. */
        CODE,
        /** An OpenID provider, in a browser. */
        OIDC,
        /** A token for Slurm. */
        SLURM_TOKEN,
        /** A link that an owner or operator made. */
        SHARE_LINK;

        /** Whether only a browser has its token. */
        boolean isOfBrowser() {
            return this == CODE || this == OIDC;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
