package org.jobwitness.server.json;

import java.util.Optional;

/** A document that cannot be read; the message says what is wrong, for its sender. */
public final class InvalidJsonException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Optional<String> field;

    private InvalidJsonException(Optional<String> field, String message) {
        super(message);
        this.field = field;
    }

    /** The document as a whole cannot be read. */
    static InvalidJsonException of(String message) {
        return new InvalidJsonException(Optional.empty(), message);
    }

    /** One field is wrong. */
    static InvalidJsonException ofField(String field, String message) {
        return new InvalidJsonException(Optional.of(field), message);
    }

    /** The field that is wrong, as a path into the document; empty if it is the document as a whole. */
    public Optional<String> field() {
        return field;
    }

    public String message() {
        return String.valueOf(getMessage());
    }
}
