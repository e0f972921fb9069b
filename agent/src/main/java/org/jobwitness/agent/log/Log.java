package org.jobwitness.agent.log;

import java.io.PrintStream;

/**
 * What the agent says, a line an event, {@code LEVEL event key=value ...}; the journal adds the time. Called by all
 * threads.
 *
 * <p>Whoever logs in a loop says when something begins and when it is over, and not each time round.
 */
public final class Log {
    private static final int LONGEST = 1000;

    private final PrintStream out;

    public Log(PrintStream out) {
        this.out = out;
    }

    /** What a calm day has: start, stop, something that is well again. */
    public void info(String line) {
        write("INFO ", line);
    }

    /** What an administrator should look at. */
    public void warn(String line) {
        write("WARN ", line);
    }

    /** What others wrote may be in a line, so whatever could break or hide one is shown as {@code ?}. */
    private void write(String level, String line) {
        StringBuilder safe = new StringBuilder(level);
        line.codePoints().limit(LONGEST)
                .forEach(c -> safe.appendCodePoint(Character.isISOControl(c) || !Character.isDefined(c) ? '?' : c));
        out.println(safe);
    }
}
