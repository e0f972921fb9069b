package org.jobwitness.cli.text;

/**
 * Where output goes.
 *
 * @param columns characters in a line
 * @param unicode whether it shows more than ASCII
 * @param terminal whether it is one: lines are cut to its width, and may be overwritten
 */
public record Screen(int columns, boolean colours, boolean unicode, boolean terminal) {
    private static final int MIN_COLUMNS = 40;

    public Screen {
        columns = Math.max(columns, MIN_COLUMNS);
    }
}
