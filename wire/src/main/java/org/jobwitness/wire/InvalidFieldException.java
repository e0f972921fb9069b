package org.jobwitness.wire;

/** A value that a record of this package does not allow: the field, by its JSON name, and what is allowed. */
public final class InvalidFieldException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String field;
    private final String rule;

    public InvalidFieldException(String field, String rule) {
        super(field + " " + rule);
        this.field = field;
        this.rule = rule;
    }

    /** The field's JSON name. */
    public String field() {
        return field;
    }

    /** What is allowed, without the name of the field. */
    String problem() {
        return rule;
    }
}
