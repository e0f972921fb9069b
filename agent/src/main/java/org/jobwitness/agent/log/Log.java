package org.jobwitness.agent.log;

import java.io.PrintStream;

/**
 * The agent's log, a line per event: {@code LEVEL event key=value ...}; the journal adds the time. For all threads.
 *
 * <p>A loop logs when a condition starts and when it ends, and not in each iteration.
 */
public final class Log {
    private static final int MAX_LENGTH = 1000;

    private final PrintStream out;

    public Log(PrintStream out) {
        this.out = out;
    }

    /** Normal operation: start, stop, recovery. */
    public void info(String line) {
        write("INFO ", line);
    }

    /** Anything that needs an administrator's attention. */
    public void warn(String line) {
        write("WARN ", line);
    }

    /** A line may contain text of others, so characters that could break or hide it are shown as {@code ?}. */
    private void write(String level, String line) {
        StringBuilder safe = new StringBuilder(level);
        line.codePoints().limit(MAX_LENGTH)
                .forEach(c -> safe.appendCodePoint(Character.isISOControl(c) || !Character.isDefined(c) ? '?' : c));
        out.println(safe);
    }
}
