package org.jobwitness.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Map;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;

/**
 * What is around the command.
 *
 * @param user who types, by the name of this machine
 * @param errors where complaints go, apart from answers
 * @param screen what {@code out} is
 * @param root of the file system, below which this machine is looked at
 * @param zone in which times are shown
 */
record World(Map<String, String> environment, String user, PrintStream out, PrintStream errors, Screen screen,
        Path root,
        Clock clock, ZoneId zone) {

    World {
        environment = Map.copyOf(environment);
    }

    void show(Page page) {
        out.print(page);
        out.flush();
    }

    void show(String json) {
        out.print(json);
        out.flush();
    }
}
