package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a person sees of a build that takes minutes: deploy/launcher/maven around a program that prints what Maven prints. */
class BuildProgressTest {
    private static final String MAVEN = """
            echo '[INFO] Scanning for projects...'
            i=0
            while [ $i -lt 250 ]; do
                i=$((i + 1))
                echo "Downloading from central: https://repo.example.org/$i.pom"
                echo "Downloaded from central: https://repo.example.org/$i.pom (3 kB at 4 kB/s)"
            done
            echo '[INFO] --- maven-compiler-plugin:3.16.0:compile (default-compile) @ jobwitness-server ---'
            echo '[INFO] Building jar: /somewhere/jobwitness-server.jar'
            """;

    @TempDir
    Path folder;

    private record Output(int status, String out, String err) {
    }

    @ParameterizedTest
    @ValueSource(strings = {"dash", "bash", "busybox sh"})
    void downloadsAreCountedAndModulesNamed(String shell) throws Exception {
        Output output = run(shell, MAVEN);
        assertThat(output.status()).isZero();
        assertThat(output.out().replaceAll("[0-9]+ s\\)", "0 s)")).isEqualTo("""
                  Maven downloads what the build needs (0 s)
                  50 files (0 s)
                  100 files (0 s)
                  150 files (0 s)
                  200 files (0 s)
                  250 files (0 s)
                  compiling jobwitness-server (0 s)
                """);
        assertThat(output.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"dash", "bash", "busybox sh"})
    void aFailureIsShownWithTheEndOfItsOutput(String shell) throws Exception {
        Output output = run(shell, MAVEN + "echo '[ERROR] COMPILATION ERROR'; exit 7");
        assertThat(output.status()).isEqualTo(7);
        assertThat(output.err()).endsWith("[ERROR] COMPILATION ERROR\n").hasLineCount(40);
    }

    private Output run(String shell, String maven) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(shell.split(" ")));
        Path script = Files.writeString(folder.resolve("maven"), maven);
        command.addAll(List.of("../deploy/launcher/maven", "bash", script.toString()));
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        Process process = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        return new Output(process.waitFor(), Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }
}
