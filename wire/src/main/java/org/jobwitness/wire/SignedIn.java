package org.jobwitness.wire;

/**
 * A new session.
 *
 * @param token to send as {@code Authorization: Bearer}; it is not shown again
 */
public record SignedIn(String token, UserSession session) {
}
