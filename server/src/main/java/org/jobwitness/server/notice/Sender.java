package org.jobwitness.server.notice;

/** Hands a message over. */
interface Sender {

    /**
     * Hands over one message, and waits until it is taken.
     *
     * @throws NotSent if it is certain, or for the webhook likely, that nobody has the message
     */
    void send(Message message) throws NotSent, InterruptedException;

    /** Why a message was not handed over. */
    final class NotSent extends Exception {
        private static final long serialVersionUID = 1L;
        private final boolean passes;

        /** @param passes whether it may succeed later */
        NotSent(String cause, boolean passes) {
            super(cause);
            this.passes = passes;
        }

        boolean passes() {
            return passes;
        }
    }
}
