package org.jobwitness.cli.service;

/** Why there is no result; the message says what was tried and what to do. */
public final class Problem extends Exception {
    private static final long serialVersionUID = 1L;

    private final Kind kind;
    private final String found;

    /** What kind of problem, each with an exit status of its own. */
    public enum Kind {
        /** Unknown to the service. */
        NOT_FOUND(1),
        /** An invalid argument or setting. */
        USAGE(2),
        /** The service cannot be reached, or cannot respond now. */
        UNAVAILABLE(3),
        /** Authentication required or rejected. */
        DENIED(4);

        private final int exitStatus;

        Kind(int exitStatus) {
            this.exitStatus = exitStatus;
        }

        public int exitStatus() {
            return exitStatus;
        }
    }

    public Problem(Kind kind, String message) {
        super(message);
        this.kind = kind;
        this.found = message;
    }

    /**
     * One with advice apart, which a caller with better advice can leave out.
     *
     * @param found what was tried, and the result
     */
    Problem(Kind kind, String found, String advice) {
        super(found + ". " + advice);
        this.kind = kind;
        this.found = found;
    }

    public String found() {
        return found;
    }

    public Kind kind() {
        return kind;
    }
}
