package org.jobwitness.server;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/**
 * Sets java.util.logging up, to which all of the server logs: one line an event on standard error, time first. Named by
 * the launcher as {@code java.util.logging.manager}.
 */
public final class LogFormat extends LogManager {
    private static final String CONFIGURATION = """
            handlers=java.util.logging.ConsoleHandler
            .level=INFO
            java.util.logging.ConsoleHandler.level=ALL
            java.util.logging.ConsoleHandler.formatter=java.util.logging.SimpleFormatter
            java.util.logging.SimpleFormatter.format=%1$tFT%1$tT.%1$tL%1$tz %4$s %5$s%6$s%n
            # Libraries that tell of their own start and of every retry; what matters of it we say ourselves.
            org.eclipse.jetty.level=WARNING
            io.javalin.level=WARNING
            com.zaxxer.hikari.level=SEVERE
            org.flywaydb.level=WARNING
            """;

    @Override
    public void readConfiguration() throws IOException {
        readConfiguration(new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.UTF_8)));
    }

    /** The JDK calls this when the process ends, while we still have something to say about how it ends. */
    @Override
    public void reset() {
    }
}
