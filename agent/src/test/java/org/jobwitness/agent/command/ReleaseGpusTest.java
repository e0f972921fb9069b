package org.jobwitness.agent.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReleaseGpusTest {
    @TempDir
    private Path folder;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void withoutAnAgentThereIsNothingToRelease() throws Exception {
        assertThat(command(folder).release(List.of())).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("none holds a GPU");
        assertThat(folder.resolve("release-gpus")).as("one that starts now heeds it").hasContent("1767226200000\n");
        assertThat(command(folder).release(List.of("10"))).isZero();
        assertThat(folder.resolve("release-gpus")).hasContent("1767226500000\n");
        assertThat(command(folder).take()).isZero();
        assertThat(folder.resolve("release-gpus")).doesNotExist();
        assertThat(command(folder).take()).isZero();
    }

    @Test
    void minutesMustBeSuch() throws Exception {
        for (List<String> words : List.of(List.of("0"), List.of("1441"), List.of("-5"), List.of("1", "2"),
                List.of("ever"))) {
            assertThat(command(folder).release(words)).isEqualTo(2);
        }
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("from 1 to 1440, was ever");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaid() throws Exception {
        Files.createDirectory(folder.resolve("release-gpus"));
        Files.createFile(folder.resolve("release-gpus/something"));
        assertThat(command(folder).release(List.of())).isEqualTo(1);
        assertThat(command(folder).take()).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("runuser -u jobwitness");
    }

    private ReleaseGpus command(Path of) {
        return new ReleaseGpus(of, () -> Instant.parse("2026-01-01T00:05:00Z"),
                new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8));
    }
}
