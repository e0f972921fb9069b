package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher as a person starts it, on a real terminal that {@code script} of util-linux opens. */
class LauncherTest {
    private static final Path LAUNCHER = Path.of("../deploy/launcher/jobwitness");
    private static final Pattern COLOURS = Pattern.compile("\u001b\\[[0-9;]*m");

    @TempDir
    Path home;

    private StubService service;

    @BeforeEach
    void start() throws IOException {
        service = new StubService();
        Files.createDirectories(home.resolve("bin"));
        Files.createDirectories(home.resolve("lib/jobwitness"));
        Files.copy(LAUNCHER, home.resolve("bin/jobwitness"));
        Files.createSymbolicLink(home.resolve("bin/java"), Path.of(System.getProperty("java.home"), "bin", "java"));
        link("jobwitness-cli", "cli/target/classes");
        link("jobwitness-wire", "wire/target/classes", "jobwitness-wire");
        link("jackson-core", "jackson-core");
    }

    /** Puts what the tests' class path has by one of these names to where the launcher looks for a jar. */
    private void link(String jar, String... names) throws IOException {
        String entry = Arrays.stream(System.getProperty("java.class.path").split(":"))
                .filter(path -> Arrays.stream(names).anyMatch(path::contains)).findFirst().orElseThrow();
        Files.createSymbolicLink(home.resolve("lib/jobwitness/" + jar + ".jar"), Path.of(entry));
    }

    @AfterEach
    void stop() {
        service.close();
    }

    private List<String> run(String command, String... words) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(Map.of("PATH", System.getenv("PATH"), "LC_ALL", "C.UTF-8", "TERM",
                "xterm", "SHELL", "/bin/sh", "JOBWITNESS_URL", service.url(), "HOME", home.toString(),
                "JOBWITNESS_CONF", home.resolve("none").toString(), "COMMAND", command));
        Process process = builder.start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out.lines().toList();
    }

    /** On a terminal of so many columns. */
    private List<String> onTerminal(int columns, String command) throws IOException, InterruptedException {
        boolean hasScript = Arrays.stream(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "script")));
        assumeTrue(hasScript, "script of util-linux is missing");
        return run(home.resolve("bin/jobwitness") + " " + command, "script", "-qec",
                "stty rows 24 columns " + columns + " && eval \"$COMMAND\"", "/dev/null");
    }

    private static List<String> plain(List<String> lines) {
        return lines.stream().map(line -> COLOURS.matcher(line).replaceAll("")).toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {60, 80, 120, 0})
    void noLineIsWiderThanTheTerminalAndNoWordIsBroken(int columns) throws IOException, InterruptedException {
        int width = columns == 0 ? 80 : columns;
        String onPaper = String.join(" ", run("", home.resolve("bin/jobwitness").toString(), "why", "1018"));
        for (String command : List.of("why 1018", "job 1018", "job 1022", "jobs", "--help")) {
            List<String> lines = plain(onTerminal(columns, command));

            assertThat(lines).as(command).allSatisfy(line -> assertThat(line.startsWith("--cursor=")
                    || line.codePointCount(0, line.length()) <= width).as(line).isTrue());
        }
        List<String> why = plain(onTerminal(columns, "why 1018"));
        assertThat(why).anySatisfy(line -> assertThat(line.length()).isGreaterThan(Math.min(width, 100) - 20));
        assertThat(words(String.join(" ", why))).isEqualTo(words(onPaper));
    }

    private static List<String> words(String text) {
        return List.of(text.replaceAll("[▏▎▍▌▋▊▉█░]", "").strip().split("\\s+"));
    }

    /** The columns of a table stay below each other, whatever letters its names have. */
    @Test
    void wideAndHostileNamesKeepTheTableInShape() throws IOException, InterruptedException {
        service.replace("star-index", "日本語🚀\\u202e\\u200b");
        List<String> lines = plain(onTerminal(80, "jobs"));

        assertThat(lines).anySatisfy(line -> assertThat(line).contains("日本語🚀??"));
        assertThat(String.join("", lines)).doesNotContain("\u202e", "\u200b");
    }

    @Test
    void coloursAreForTerminalsOnly() throws IOException, InterruptedException {
        assertThat(String.join("", onTerminal(80, "why 1018"))).contains("\u001b[31mfailed\u001b[0m");
        assertThat(String.join("", run("", home.resolve("bin/jobwitness").toString(), "why", "1018")))
                .contains("failed").doesNotContain("\u001b");
    }
}
