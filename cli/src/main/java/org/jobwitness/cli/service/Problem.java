package org.jobwitness.cli.service;

/** Why there is no answer; the message says what was tried and what to do. */
public final class Problem extends Exception {
    private static final long serialVersionUID = 1L;

    private final Kind kind;
    private final String found;

    /** What kind of problem, each with an exit status of its own. */
    public enum Kind {
        /** The service does not know what was asked for. */
        NOT_FOUND(1),
        /** What was typed, or a setting, cannot be. */
        USAGE(2),
        /** There is no service, or it cannot answer now. */
        AWAY(3),
        /** The service wants a token, or another one. */
        REFUSED(4);

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
     * One whose advice can be left out by who has another.
     *
     * @param found what was tried, and what came of it
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
