package org.jobwitness.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Rows and columns of the terminal. */
record TerminalSize(int rows, int columns) {
    private static final int DEFAULT_ROWS = 24;
    private static final Pattern STTY = Pattern.compile("([1-9][0-9]{0,4}) ([1-9][0-9]{0,4})\\s");

    /** As it is now, since windows change. */
    static TerminalSize read(CliContext context) {
        TerminalSize unknown = new TerminalSize(DEFAULT_ROWS, context.screen().columns());
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.from(
                    context.root().resolve("dev/tty").toFile())).redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            Matcher size = STTY.matcher(new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
            return stty.waitFor(1, TimeUnit.SECONDS) && size.lookingAt()
                    ? new TerminalSize(Integer.parseInt(size.group(1)), Integer.parseInt(size.group(2)))
                    : unknown;
        } catch (IOException e) {
            return unknown;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return unknown;
        }
    }
}
