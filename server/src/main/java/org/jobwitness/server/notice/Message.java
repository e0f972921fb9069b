package org.jobwitness.server.notice;

import org.jspecify.annotations.Nullable;

/**
 * A message of the outbox that is to be sent.
 *
 * @param address of a mail; null for the webhook
 * @param subject of a mail
 * @param attempts with this one
 */
record Message(long id, Channel channel, String user, @Nullable String address, String subject, String body,
        int attempts) {
}
