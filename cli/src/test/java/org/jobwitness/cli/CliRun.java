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

/** The result of a command. */
record CliRun(int status, String out, String errors) {
    static final Screen NO_TERMINAL = new Screen(100, false, true, false);
    static final Screen TERMINAL = new Screen(80, true, true, true);
    private static final Path NOWHERE = Path.of("/nonexistent");

    /** Where commands run. */
    record Shell(Map<String, String> environment, Screen screen, Path root, Clock clock, ZoneId zone) {
        Shell {
            environment = Map.copyOf(environment);
        }

        /** No settings, and a machine without files. */
        static Shell empty() {
            return new Shell(Map.of(), NO_TERMINAL, NOWHERE, Clock.systemUTC(), ZoneOffset.UTC);
        }

        Shell with(String name, Object value) {
            Map<String, String> more = new HashMap<>(environment);
            more.put(name, value.toString());
            return new Shell(more, screen, root, clock, zone);
        }

        Shell on(Screen other) {
            return new Shell(environment, other, root, clock, zone);
        }

        Shell in(ZoneId other) {
            return new Shell(environment, screen, root, clock, other);
        }

        CliRun run(String... arguments) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            CliContext context = new CliContext(environment, "alice",
                    new PrintStream(out, true, StandardCharsets.UTF_8),
                    new PrintStream(errors, true, StandardCharsets.UTF_8), screen, root, clock, zone);
            int status = Jobwitness.run(context, arguments);
            return new CliRun(status, out.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
        }
    }
}
