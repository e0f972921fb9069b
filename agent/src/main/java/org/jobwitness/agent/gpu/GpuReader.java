package org.jobwitness.agent.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * One source, the only thread that calls it, and its last reading. All other methods are for the sampler's thread and never wait
 * for the source.
 */
final class GpuReader {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    /** After this time a call counts as hanging. */
    private static final long HANG_TIMEOUT = 10 * SECOND;
    private static final long MIN_BACKOFF = 10 * SECOND;
    private static final long MAX_BACKOFF = 300 * SECOND;
    /** A vendor's library may need more than the 256 KiB of the agent's own threads. Only used pages take memory. */
    private static final long STACK_BYTES = 4L << 20;

    private final GpuSource source;
    private final NodeClock clock;
    private final Log log;
    private @Nullable Thread thread;

    private boolean isReadRequested;
    private boolean isClosed;
    private @Nullable Release release;
    private Gpus.@Nullable SourceState state;
    private List<GpuName> known = List.of();
    private @Nullable Instant readBefore;
    /** The present call of the source, and its start. */
    private @Nullable Task task;
    private long taskNanos;
    private long keptUpNanos;
    private int failures;
    private long retryNanos;
    private boolean isHangLogged;
    private boolean isFailureLogged;

    private enum Task {
        READ,
        KEEP_UP,
        RELEASE,
        CLOSE
    }

    /** The GPUs are needed elsewhere for a while. */
    private static final class Release {
        private final String cause;
        private final List<Runnable> waiting = new ArrayList<>();

        Release(String cause) {
            this.cause = cause;
        }
    }

    GpuReader(GpuSource source, NodeClock clock, Log log) {
        this.source = source;
        this.clock = clock;
        this.log = log;
    }

    synchronized void readSoon() {
        boolean isBackingOff = failures > 0 && clock.nanoTime() - retryNanos < 0;
        boolean isReading = task != null && task != Task.KEEP_UP;
        if (!isBackingOff && !isReading && release == null && source.isPresent()) {
            isReadRequested = true;
            wake();
        }
    }

    synchronized Optional<Gpus.SourceState> state() {
        long takes = clock.nanoTime() - taskNanos;
        if (task != null && takes > HANG_TIMEOUT) {
            if (!isHangLogged) {
                isHangLogged = true;
                log.warn("gpu_driver_unavailable source=" + source.name()
                        + " hint=\"the driver does not answer; see dmesg\"");
            }
            return Optional.of(unavailable("the driver has not answered for " + takes / SECOND + " s"));
        }
        return release == null ? Optional.ofNullable(state) : Optional.of(unavailable(release.cause));
    }

    synchronized void release(String cause, Runnable released) {
        Release now = release;
        if (now == null) {
            now = new Release(cause);
            release = now;
        }
        isReadRequested = false;
        now.waiting.add(released);
        wake();
    }

    synchronized void reacquire() {
        release = null;
        failures = 0;
    }

    synchronized void close() {
        isClosed = true;
        notifyAll();
    }

    private void wake() {
        if (thread == null) {
            thread = Thread.ofPlatform().daemon().name(source.name()).stackSize(STACK_BYTES).start(this::run);
        }
        notifyAll();
    }

    private void run() {
        try {
            while (true) {
                switch (await()) {
                    case READ -> read();
                    case KEEP_UP -> keepUp();
                    case RELEASE -> release();
                    case CLOSE -> {
                        source.close();
                        return;
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized Task await() throws InterruptedException {
        endTask();
        Task next = due();
        while (next == null) {
            // Rounded up, so that it is due when this returns. 0 waits without a timeout: there is nothing to keep up.
            wait(needsKeepUp() ? Math.max(1, untilKeepUp() / TimeUnit.MILLISECONDS.toNanos(1) + 1) : 0);
            next = due();
        }
        isReadRequested &= next != Task.READ;
        task = next;
        taskNanos = clock.nanoTime();
        return next;
    }

    private @Nullable Task due() {
        if (isClosed) {
            return Task.CLOSE;
        }
        if (release != null && !release.waiting.isEmpty()) {
            return Task.RELEASE;
        }
        if (isReadRequested) {
            return Task.READ;
        }
        return needsKeepUp() && untilKeepUp() <= 0 ? Task.KEEP_UP : null;
    }

    private boolean needsKeepUp() {
        return release == null && state instanceof Gpus.Available;
    }

    private long untilKeepUp() {
        return keptUpNanos + source.keepUpInterval().toNanos() - clock.nanoTime();
    }

    private void endTask() {
        task = null;
        if (isHangLogged) {
            isHangLogged = false;
            log.info("gpu_driver_recovered source=" + source.name());
        }
    }

    private void read() {
        Instant at = clock.instant();
        try {
            long began = clock.nanoTime();
            List<GpuState> states = source.read();
            setAvailable(at, Duration.ofNanos(clock.nanoTime() - began), states);
        } catch (GpuSourceException e) {
            failed(String.valueOf(e.getMessage()));
        } catch (RuntimeException | LinkageError e) {
            failed(source.name() + ": " + e);
        }
    }

    private synchronized void setAvailable(Instant at, Duration took, List<GpuState> states) {
        state = new Gpus.Available(source.name(), at, took,
                readBefore == null ? null : Duration.between(readBefore, at),
                states);
        readBefore = at;
        keptUpNanos = clock.nanoTime();
        known = states.stream().map(GpuState::name).toList();
        if (isFailureLogged) {
            log.info("gpu_read_recovered source=" + source.name() + " gpus=" + known.size());
        }
        failures = 0;
        isFailureLogged = false;
    }

    /** Starts over after a while: the driver may have been replaced, or the GPU reset. */
    private void failed(String cause) {
        releaseSource();
        synchronized (this) {
            readBefore = null;
            state = unavailable(cause);
            failures++;
            retryNanos = clock.nanoTime()
                    + Math.min(MAX_BACKOFF, MIN_BACKOFF << Math.min(failures - 1, 10));
            if (!isFailureLogged) {
                isFailureLogged = true;
                log.warn("gpu_read_failed source=" + source.name() + " cause=\"" + cause + "\"");
            }
        }
    }

    private void keepUp() {
        try {
            source.keepUp();
            synchronized (this) {
                keptUpNanos = clock.nanoTime();
            }
        } catch (RuntimeException | LinkageError e) {
            failed(source.name() + ": " + e);
        }
    }

    private void release() {
        boolean isReleased = releaseSource();
        List<Runnable> waiting = List.of();
        synchronized (this) {
            readBefore = null;
            state = null;
            if (release != null) {
                waiting = List.copyOf(release.waiting);
                release.waiting.clear();
            }
        }
        if (isReleased) {
            waiting.forEach(Runnable::run);
        }
    }

    private boolean releaseSource() {
        try {
            source.release();
            return true;
        } catch (RuntimeException | LinkageError e) {
            log.warn("gpu_release_failed source=" + source.name() + " cause=\"" + e + "\"");
            return false;
        }
    }

    private Gpus.Unavailable unavailable(String cause) {
        return new Gpus.Unavailable(source.name(), known, cause);
    }
}
