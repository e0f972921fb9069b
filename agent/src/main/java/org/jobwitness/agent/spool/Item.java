package org.jobwitness.agent.spool;

/** An item of {@link BatchSpool#oldest}, with the identity of the object: equal bodies are different items. */
public final class Item {
    private final byte[] body;

    Item(byte[] body) {
        this.body = body;
    }

    /** Not a copy: callers must not change it. */
    public byte[] body() {
        return body;
    }
}
