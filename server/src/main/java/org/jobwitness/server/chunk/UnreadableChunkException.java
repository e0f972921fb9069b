package org.jobwitness.server.chunk;

/** The bytes are not a whole chunk that this version can read; the message says what is wrong with them. */
public final class UnreadableChunkException extends Exception {
    private static final long serialVersionUID = 1;

    UnreadableChunkException(String message) {
        super(message);
    }
}
