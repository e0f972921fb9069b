package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What no test of any module does. */
class TestRulesTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern SLEEP = Pattern.compile("\\b(?:Thread|[A-Z_]*SECONDS|TimeUnit)\\.sleep\\(");
    private static final Pattern PARK = Pattern.compile("\\bparkNanos\\(");
    /** Helpers that poll for a condition, with a deadline. */
    private static final List<String> WAIT = List.of("server/Waiting", "slurm/Waiting", "cli/DemoServer",
            "soak/AgentKillTest", "server/DemoClusterTest", "agent/Waiting");

    /** It is too long on a fast machine and too short on a slow one: {@link Waiting} waits for what is meant. */
    @Test
    void noTestSleeps() throws IOException {
        assertThat(testsWith(SLEEP)).isEmpty();
        assertThat(testsWith(PARK)).isSubsetOf(WAIT);
    }

    /** The module and the class of each. */
    private static List<String> testsWith(Pattern pattern) throws IOException {
        try (Stream<Path> modules = Files.list(ROOT)) {
            return modules.map(module -> module.resolve("src/test/java")).filter(Files::isDirectory)
                    .flatMap(TestRulesTest::sources).filter(source -> pattern.matcher(read(source)).find())
                    .map(source -> ROOT.relativize(source).getName(0) + "/"
                            + source.getFileName().toString().replace(".java", ""))
                    .sorted().toList();
        }
    }

    private static Stream<Path> sources(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".java")).toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
