package org.jobwitness.server;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/** Sets java.util.logging up, to which all of the server logs: one line an event on standard error, time first. */
public final class LogFormat {

    /** Named by the launcher as {@code java.util.logging.config.class}. */
    public LogFormat() throws IOException {
        LogManager.getLogManager().readConfiguration(new ByteArrayInputStream("""
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
                """.getBytes(StandardCharsets.UTF_8)));
    }
}
