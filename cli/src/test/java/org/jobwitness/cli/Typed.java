package org.jobwitness.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import org.jobwitness.cli.text.Screen;

/** A command as somebody types it, and what comes of it. */
record Typed(int status, String out, String errors) {
    static final Screen PAPER = new Screen(100, false, true, false);
    static final Screen TERMINAL = new Screen(80, true, true, true);
    private static final Path NOWHERE = Path.of("/nonexistent");

    /** Where and by whom it is typed. */
    record Desk(Map<String, String> environment, Screen screen, Path root, Clock clock, ZoneId zone) {
        Desk {
            environment = Map.copyOf(environment);
        }

        /** Nothing is set, and this machine has no files. */
        static Desk empty() {
            return new Desk(Map.of(), PAPER, NOWHERE, Clock.systemUTC(), ZoneOffset.UTC);
        }

        Desk with(String name, Object value) {
            Map<String, String> more = new HashMap<>(environment);
            more.put(name, value.toString());
            return new Desk(more, screen, root, clock, zone);
        }

        Desk on(Screen other) {
            return new Desk(environment, other, root, clock, zone);
        }

        Desk in(ZoneId other) {
            return new Desk(environment, screen, root, clock, other);
        }

        Typed type(String... arguments) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            World world = new World(environment, "alice", new PrintStream(out, true, StandardCharsets.UTF_8),
                    new PrintStream(errors, true, StandardCharsets.UTF_8), screen, root, clock, zone);
            int status = Jobwitness.run(world, arguments);
            return new Typed(status, out.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
        }
    }
}
