package org.jobwitness.server;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/**
 * Configures java.util.logging, which all of the server logs to: one line for each event on standard error, time first. The
 * launcher sets it as {@code java.util.logging.manager}.
 */
public final class LogFormat extends LogManager {
    private static final String CONFIGURATION = """
            handlers=java.util.logging.ConsoleHandler
            .level=INFO
            java.util.logging.ConsoleHandler.level=ALL
            java.util.logging.ConsoleHandler.formatter=java.util.logging.SimpleFormatter
            java.util.logging.SimpleFormatter.format=%1$tFT%1$tT.%1$tL%1$tz %4$s %5$s%6$s%n
            # These libraries log their own start and every retry; we log what matters of it.
            org.eclipse.jetty.level=WARNING
            io.javalin.level=WARNING
            com.zaxxer.hikari.level=SEVERE
            org.flywaydb.level=WARNING
            """;

    @Override
    public void readConfiguration() throws IOException {
        readConfiguration(new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.UTF_8)));
    }

    /** The JDK calls this at shutdown, while our shutdown is still to be logged. */
    @Override
    public void reset() {
    }
}
