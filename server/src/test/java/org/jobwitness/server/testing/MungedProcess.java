package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real munged with a folder of its own. */
public final class MungedProcess implements AutoCloseable {
    private static final Path MUNGED = Path.of("/usr/sbin/munged");
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int KEY_BYTES = 128;

    private final Path folder;
    private final Process process;

    private MungedProcess(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
    }

    /** Skips the test where munged is missing, and where the test is not of root, who alone may be several users. */
    public static void assumeInstalled() {
        assumeThat(Files.isExecutable(MUNGED)).as(MUNGED + " is not installed; it is in Debian's package munge")
                .isTrue();
        assumeThat(System.getProperty("user.name")).as("root can be any user").isEqualTo("root");
    }

    /** A key as those who trust each other share it. */
    public static Path newKey(Path file) throws IOException {
        byte[] key = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(key);
        Files.write(file, key);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }

    /** Starts it and waits until it answers. */
    public static MungedProcess start(Path folder, Path key) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        Process process = new ProcessBuilder(MUNGED.toString(), "--foreground", "--force", "--key-file=" + key,
                "--socket=" + folder.resolve("socket"), "--pid-file=" + folder.resolve("pid"),
                "--log-file=" + folder.resolve("log"), "--seed-file=" + folder.resolve("seed"))
                .redirectErrorStream(true).redirectOutput(folder.resolve("out").toFile()).start();
        MungedProcess munged = new MungedProcess(folder, process);
        Waiting.until("munged answers", PATIENCE, () -> "see " + folder.resolve("out"),
                munged::answers);
        return munged;
    }

    public Path socket() {
        return folder.resolve("socket");
    }

    private boolean answers() throws IOException {
        return new ProcessBuilder("munge", "--socket=" + socket(), "--no-input").redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().onExit().join().exitValue() == 0;
    }

    /** A credential of a uid, made by MUNGE's own command. */
    public String encode(long uid, String payload, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("setpriv", "--reuid=" + uid, "--clear-groups", "munge",
                "--socket=" + socket(), "--string=" + payload));
        command.addAll(List.of(options));
        Process munge = new ProcessBuilder(command).redirectErrorStream(true).start();
        String credential = new String(munge.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(munge.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(credential).startsWith("MUNGE:");
        return credential;
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        try {
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).as("munged ends").isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Files.deleteIfExists(socket());
    }
}
