package org.jobwitness.cli.text;

/**
 * What is written to.
 *
 * @param columns characters in a line
 * @param colours whether there are any
 * @param unicode whether it shows more than ASCII
 * @param terminal whether somebody looks at it now, and lines may be written over
 */
public record Screen(int columns, boolean colours, boolean unicode, boolean terminal) {
    private static final int LEAST = 40;

    public Screen {
        columns = Math.max(columns, LEAST);
    }
}
