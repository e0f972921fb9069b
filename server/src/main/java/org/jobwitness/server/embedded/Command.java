package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** An external program and its arguments. Of our environment it sees PATH alone, so no PG* variable reaches PostgreSQL. */
record Command(List<String> words) {
    private static final int OUTPUT_LINES_SHOWN = 15;
    private static final String PATH = Objects.requireNonNullElse(System.getenv("PATH"),
            "/usr/sbin:/usr/bin:/sbin:/bin");

    Command {
        words = List.copyOf(words);
    }

    static Command of(String... words) {
        return new Command(List.of(words));
    }

    Command then(String... more) {
        return then(Command.of(more));
    }

    Command then(Command more) {
        var all = new ArrayList<>(words);
        all.addAll(more.words);
        return new Command(all);
    }

    ProcessBuilder builder() {
        var builder = new ProcessBuilder(words).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(Map.of("LC_ALL", "C", "TZ", "UTC", "PATH", PATH));
        return builder;
    }

    String run(Duration timeout) throws IOException, InterruptedException {
        return run(timeout, "");
    }

    /**
     * Runs the program to its end and returns what it printed.
     *
     * @throws IOException if it cannot be started, ends with an error, or is still running after the timeout
     */
    String run(Duration timeout, String input) throws IOException, InterruptedException {
        // In a session of its own, by which all that it starts is found in the end.
        var process = Command.of("setsid").then(this).builder().start();
        try {
            var output = new CompletableFuture<String>();
            Thread.startVirtualThread(() -> output.complete(readAll(process)));
            write(process, input);
            if (!process.waitFor(timeout)) {
                throw new IOException(this + " did not end within " + timeout.toSeconds() + " s");
            }
            // A grandchild that outlives the program could keep the pipe open; its output is not worth waiting for.
            var printed = output.completeOnTimeout("", 5, TimeUnit.SECONDS).join();
            if (process.exitValue() != 0) {
                throw new IOException(this + " ended with exit code " + process.exitValue() + ": "
                        + lastLines(printed));
            }
            return printed;
        } finally {
            process.destroyForcibly();
            Session.of(process).kill();
        }
    }

    /** The last lines of a program's output or log, on one line, for an error message. */
    static String lastLines(String output) {
        var lines = output.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        return String.join(" | ", lines.subList(Math.max(0, lines.size() - OUTPUT_LINES_SHOWN), lines.size()));
    }

    @Override
    public String toString() {
        return String.join(" ", words);
    }

    private static void write(Process process, String input) {
        try (var stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // The program ended before it read everything: its exit code and its output say why.
        }
    }

    private static String readAll(Process process) {
        try (var stdout = process.getInputStream()) {
            return new String(stdout.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
