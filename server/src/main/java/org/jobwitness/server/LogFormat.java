package org.jobwitness.server;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.Locale;
import java.util.logging.Formatter;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;

/**
 * Configures java.util.logging, which all of the server logs to: one line for each event on standard error, time first. The
 * launcher sets it as {@code java.util.logging.manager}.
 */
public final class LogFormat extends LogManager {
    private static final String CONFIGURATION = """
            handlers=java.util.logging.ConsoleHandler
            .level=INFO
            java.util.logging.ConsoleHandler.level=ALL
            java.util.logging.ConsoleHandler.formatter=org.jobwitness.server.LogFormat$Line
            # These libraries log their own start and every retry; we log what matters of it.
            org.eclipse.jetty.level=WARNING
            io.javalin.level=WARNING
            com.zaxxer.hikari.level=SEVERE
            org.flywaydb.level=WARNING
            """;

    /** A line for each event, below it the stack of what was thrown. No text in it, whoever sent it, makes a line of its own. */
    public static final class Line extends Formatter {
        private static final int MAX_CAUSES = 20;

        @Override
        public String format(LogRecord event) {
            StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%1$tFT%1$tT.%1$tL%1$tz %2$s %3$s%n",
                    event.getInstant().atZone(ZoneId.systemDefault()), event.getLevel(),
                    escaped(formatMessage(event))));
            Throwable thrown = event.getThrown();
            for (int i = 0; thrown != null && i < MAX_CAUSES; i++, thrown = thrown.getCause()) {
                text.append(i == 0 ? "" : "Caused by: ").append(escaped(thrown.toString())).append('\n');
                Arrays.stream(thrown.getStackTrace())
                        .forEach(frame -> text.append("\tat ").append(escaped(frame.toString())).append('\n'));
            }
            return text.toString();
        }

        private static String escaped(String text) {
            StringBuilder escaped = new StringBuilder();
            text.chars().forEach(c -> {
                boolean breaks = Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
                escaped.append(breaks ? String.format(Locale.ROOT, "\\u%04x", c) : String.valueOf((char) c));
            });
            return escaped.toString();
        }
    }

    @Override
    public void readConfiguration() throws IOException {
        readConfiguration(new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.UTF_8)));
    }

    /** The JDK calls this at shutdown, while our shutdown is still to be logged. */
    @Override
    public void reset() {
    }
}
