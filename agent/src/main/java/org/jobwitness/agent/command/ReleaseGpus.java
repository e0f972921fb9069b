package org.jobwitness.agent.command;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import org.jobwitness.agent.gpu.GpuRelease;

/**
 * {@code jobwitness-agent release-gpus} and {@code take-gpus}: for an administrator or a prolog that resets a GPU or changes its
 * MIG mode, which the driver refuses while any process uses it.
 */
public final class ReleaseGpus {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int DEFAULT_MINUTES = 5;
    private static final int MAX_MINUTES = 24 * 60;
    private static final int DONE = 0;
    private static final int FAILED = 1;
    private static final int USAGE_ERROR = 2;

    private final Path folder;
    private final InstantSource clock;
    private final PrintStream out;
    private final PrintStream err;

    /** @param folder the agent's own */
    public ReleaseGpus(Path folder, InstantSource clock, PrintStream out, PrintStream err) {
        this.folder = folder;
        this.clock = clock;
        this.out = out;
        this.err = err;
    }

    /**
     * Releases the GPUs.
     *
     * @param words the number of minutes, or nothing
     */
    public int release(List<String> words) throws InterruptedException {
        String minutes = words.isEmpty() ? String.valueOf(DEFAULT_MINUTES) : words.getFirst();
        if (words.size() > 1 || !minutes.matches("[0-9]{1,4}") || Integer.parseInt(minutes) < 1
                || Integer.parseInt(minutes) > MAX_MINUTES) {
            err.println("release-gpus takes a number of minutes from 1 to " + MAX_MINUTES + ", was "
                    + String.join(" ", words));
            return USAGE_ERROR;
        }
        try {
            return switch (GpuRelease.request(folder,
                    clock.instant().plus(Duration.ofMinutes(Integer.parseInt(minutes))),
                    TIMEOUT)) {
                case RELEASED -> {
                    out.println("the agent holds no GPU for " + minutes + " min");
                    yield DONE;
                }
                case NO_AGENT -> {
                    out.println("no agent runs with " + folder + ", so none holds a GPU");
                    yield DONE;
                }
                case NOT_YET -> {
                    err.println("the agent has not released the GPUs within " + TIMEOUT.toSeconds()
                            + " s; it will once the driver answers; see its journal");
                    yield FAILED;
                }
            };
        } catch (IOException e) {
            return failed(e);
        }
    }

    /** The agent reacquires them at its next reading. */
    public int take() {
        try {
            GpuRelease.withdraw(folder);
            return DONE;
        } catch (IOException e) {
            return failed(e);
        }
    }

    private int failed(IOException e) {
        err.println(folder + " cannot be used: " + e.getMessage()
                + "; run this as the agent's own user: runuser -u jobwitness -- jobwitness-agent ...");
        return FAILED;
    }
}
