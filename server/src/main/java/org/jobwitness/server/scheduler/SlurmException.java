package org.jobwitness.server.scheduler;

import java.util.Locale;

/** Slurm did not answer, or not with what was asked for. */
final class SlurmException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Trouble trouble;

    /** What went wrong, as metrics tell it apart. */
    enum Trouble {
        /** No connection, or one that broke. */
        AWAY,
        /** Not done in time. */
        SLOW,
        /** The token is not taken, or cannot be read. */
        UNAUTHORIZED,
        /** It does not know this version of its API. */
        OTHER_VERSION,
        /** It is asked too often. */
        BUSY,
        /** It answered with an error of its own. */
        REFUSED,
        /** It is not the answer that it should be. */
        BROKEN;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    SlurmException(Trouble trouble, String message) {
        super(message);
        this.trouble = trouble;
    }

    SlurmException(Trouble trouble, String message, Throwable cause) {
        super(message, cause);
        this.trouble = trouble;
    }

    Trouble trouble() {
        return trouble;
    }
}
