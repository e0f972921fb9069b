package org.jobwitness.server.embedded;

import org.jspecify.annotations.Nullable;

/** The embedded PostgreSQL cannot run here. The message says what was tried and what to do, for the administrator. */
public final class EmbeddedPostgresException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EmbeddedPostgresException(String message) {
        this(message, null);
    }

    EmbeddedPostgresException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
