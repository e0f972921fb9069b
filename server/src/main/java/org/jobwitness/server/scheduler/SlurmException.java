package org.jobwitness.server.scheduler;

import java.util.Locale;

/** Slurm did not respond, or not as expected. */
final class SlurmException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Problem problem;

    /** As in the label of the metric. */
    enum Problem {
        /** No connection, or one that broke. */
        AWAY,
        /** A timeout. */
        SLOW,
        /** The token is rejected, or cannot be read. */
        UNAUTHORIZED,
        /** Slurm does not know this version of its API. */
        OTHER_VERSION,
        /** A rate limit. */
        BUSY,
        /** An error that Slurm reports. */
        REFUSED,
        /** A response that cannot be read. */
        BROKEN;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    SlurmException(Problem problem, String message) {
        super(message);
        this.problem = problem;
    }

    SlurmException(Problem problem, String message, Throwable cause) {
        super(message, cause);
        this.problem = problem;
    }

    Problem problem() {
        return problem;
    }
}
