package org.jobwitness.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Map;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;

/**
 * What a command runs in.
 *
 * @param user the login name
 * @param screen what {@code out} is
 * @param root of the file system that the doctor checks
 * @param zone in which times are shown
 */
record CliContext(Map<String, String> environment, String user, PrintStream out, PrintStream errors, Screen screen,
        Path root, Clock clock, ZoneId zone) {

    CliContext {
        environment = Map.copyOf(environment);
    }

    void print(Page page) {
        out.print(page);
        out.flush();
    }

    void print(String json) {
        out.print(json);
        out.flush();
    }
}
