package org.jobwitness.agent.gpu;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A vendor's tool. It has so long, and then it is killed with all that it started; one that not even that ends, because the driver
 * keeps it, is waited for before another is started. Used by one thread.
 */
public final class Program {
    private static final int MOST_OUTPUT = 8 << 20;
    private static final Duration TO_DIE = Duration.ofSeconds(1);

    private final Path file;
    private final Duration patience;
    private @Nullable Process last;

    public Program(Path file, Duration patience) {
        this.file = file;
        this.patience = patience;
    }

    /** The first of these that is there. */
    public static Optional<Path> find(List<Path> places) {
        return places.stream().filter(Files::isExecutable).findFirst();
    }

    /** How it ended, and what it wrote to its standard output. */
    public record Answer(int status, String output) {
    }

    /** What it writes to its standard output, if it ends well. */
    public String run(List<String> arguments) throws GpuSourceException {
        Answer answer = answer(arguments);
        if (answer.status != 0) {
            throw new GpuSourceException(file + " ended with status " + answer.status);
        }
        return answer.output;
    }

    public Answer answer(List<String> arguments) throws GpuSourceException {
        Process before = last;
        if (before != null && before.isAlive()) {
            throw new GpuSourceException(file + " hangs since " + before.info().startInstant().map(Object::toString)
                    .orElse("a while") + " and cannot be killed");
        }
        List<String> command = new ArrayList<>(List.of(file.toString()));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command).redirectInput(new File("/dev/null"))
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().clear();
        builder.environment().put("PATH", "/usr/bin:/bin");
        builder.environment().put("LC_ALL", "C");
        try {
            Process process = builder.start();
            last = process;
            String output = output(process);
            return new Answer(process.exitValue(), output);
        } catch (IOException e) {
            throw new GpuSourceException(file + " cannot be run: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GpuSourceException(file + " was not waited for");
        }
    }

    /** Read beside, since nobody knows whether a process that hangs closes its output. */
    private String output(Process process) throws GpuSourceException, InterruptedException {
        AtomicReference<byte[]> read = new AtomicReference<>(new byte[0]);
        Thread reading = Thread.ofVirtual().start(() -> {
            try (InputStream out = process.getInputStream()) {
                read.set(out.readNBytes(MOST_OUTPUT));
            } catch (IOException e) {
                read.set(new byte[0]); // it was killed; its end says so
            }
        });
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor(TO_DIE.toMillis(), TimeUnit.MILLISECONDS);
            throw new GpuSourceException(
                    file + " has not answered within " + patience.toMillis() / 1000.0 + " s and was killed");
        }
        if (!reading.join(TO_DIE)) {
            throw new GpuSourceException(file + " has ended, and something that it started still writes");
        }
        return new String(read.get(), StandardCharsets.UTF_8);
    }
}
