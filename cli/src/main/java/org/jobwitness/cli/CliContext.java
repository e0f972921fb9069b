package org.jobwitness.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
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

    /** JSON, CSV and other text for programs: in UTF-8, whatever the locale can show, so that no letter is lost. */
    void print(String data) {
        out.writeBytes(data.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
