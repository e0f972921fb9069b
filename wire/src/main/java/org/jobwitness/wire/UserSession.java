package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A person who has signed in, or a link to one run.
 *
 * @param user, uid at least one of them
 * @param role user, helpdesk, operator or shared
 * @param method how it came about: munge, share_link
 * @param run the only run that it shows; null for all that the role may see
 * @param address where it was asked for
 */
public record UserSession(long id, @Nullable String user, @Nullable Long uid, String role, String method,
        @Nullable Long run, Instant createdAt, Instant expiresAt, @Nullable String address) {
}
