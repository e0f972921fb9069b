package org.jobwitness.server;

import org.jspecify.annotations.Nullable;

/** The arguments of a command are wrong; the message says what. */
final class BadUsage extends Exception {
    private static final long serialVersionUID = 1L;

    BadUsage(@Nullable String message) {
        super(message);
    }
}
