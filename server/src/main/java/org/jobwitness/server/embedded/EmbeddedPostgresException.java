package org.jobwitness.server.embedded;

import org.jspecify.annotations.Nullable;

/**
 * The embedded PostgreSQL cannot run here. The message is written for the administrator: what was tried, what to do.
 */
public final class EmbeddedPostgresException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EmbeddedPostgresException(String message) {
        this(message, null);
    }

    EmbeddedPostgresException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
