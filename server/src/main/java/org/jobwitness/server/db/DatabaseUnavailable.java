package org.jobwitness.server.db;

/** The database does not respond, or is not ready yet. The same call may be repeated, even if it was stored after all. */
public final class DatabaseUnavailable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DatabaseUnavailable(String message) {
        super(message);
    }

    public DatabaseUnavailable(String message, Throwable cause) {
        super(message, cause);
    }
}
