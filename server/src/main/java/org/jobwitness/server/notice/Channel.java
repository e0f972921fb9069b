package org.jobwitness.server.notice;

import java.util.Locale;

/** The way of a message. */
enum Channel {
    MAIL,
    WEBHOOK;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
