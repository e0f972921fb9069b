package org.jobwitness.agent.spool;

/** One body of the queue, as {@link BatchSpool#oldest} gave it; it is itself only, however alike another one is. */
public final class Item {
    private final byte[] body;

    Item(byte[] body) {
        this.body = body;
    }

    /** Not a copy: who asks leaves it as it is. */
    public byte[] body() {
        return body;
    }
}
