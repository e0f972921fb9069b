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
 * A vendor's tool. After a timeout it is killed with its children. One that survives even that, because it hangs in the driver,
 * must end before another is started. For one thread.
 */
public final class Program {
    private static final int MAX_OUTPUT_BYTES = 8 << 20;
    private static final Duration KILL_TIMEOUT = Duration.ofSeconds(1);

    private final Path file;
    private final Duration timeout;
    private @Nullable Process last;

    public Program(Path file, Duration timeout) {
        this.file = file;
        this.timeout = timeout;
    }

    /** The first of these that exists. */
    public static Optional<Path> find(List<Path> places) {
        return places.stream().filter(Files::isExecutable).findFirst();
    }

    /** Its exit status and standard output. */
    public record Result(int status, String output) {
    }

    /** Its standard output.
     *
     * @throws GpuSourceException if it fails
     */
    public String run(List<String> arguments) throws GpuSourceException {
        Result result = execute(arguments);
        if (result.status != 0) {
            throw new GpuSourceException(file + " ended with status " + result.status);
        }
        return result.output;
    }

    public Result execute(List<String> arguments) throws GpuSourceException {
        Process before = last;
        if (before != null && before.isAlive()) {
            throw new GpuSourceException(file + " hangs since " + before.info().startInstant().map(Object::toString)
                    .orElse("some time ago") + " and cannot be killed");
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
            return new Result(process.exitValue(), output);
        } catch (IOException e) {
            throw new GpuSourceException(file + " cannot be run: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GpuSourceException(file + " was interrupted");
        }
    }

    /** Read by another thread, since a process that hangs may never close its output. */
    private String output(Process process) throws GpuSourceException, InterruptedException {
        AtomicReference<byte[]> read = new AtomicReference<>(new byte[0]);
        Thread reading = Thread.ofVirtual().start(() -> {
            try (InputStream out = process.getInputStream()) {
                read.set(out.readNBytes(MAX_OUTPUT_BYTES));
            } catch (IOException e) {
                read.set(new byte[0]); // killed: its exit status shows it
            }
        });
        if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor(KILL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            throw new GpuSourceException(
                    file + " has not answered within " + timeout.toMillis() / 1000.0 + " s and was killed");
        }
        if (!reading.join(KILL_TIMEOUT)) {
            throw new GpuSourceException(file + " has ended, but a child process keeps its output open");
        }
        return new String(read.get(), StandardCharsets.UTF_8);
    }
}
