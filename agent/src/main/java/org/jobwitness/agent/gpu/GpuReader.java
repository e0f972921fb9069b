package org.jobwitness.agent.gpu;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * One source, the thread that alone calls it, and what it said last. All other methods are the sampler's thread's, and none of
 * them waits for the source.
 */
final class GpuReader {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    /** A call that takes longer is said to hang. */
    private static final long PATIENCE = 10 * SECOND;
    private static final long SHORTEST_REST = 10 * SECOND;
    private static final long LONGEST_REST = 300 * SECOND;
    /** A vendor's library may use more than the agent's own threads, which have 256 KiB. Only what is used is memory. */
    private static final long STACK_BYTES = 4L << 20;

    private final GpuSource source;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Log log;
    private @Nullable Thread thread;

    private boolean isWanted;
    private boolean isClosed;
    private @Nullable Release release;
    private Gpus.@Nullable Answer answer;
    private List<GpuName> known = List.of();
    private @Nullable Instant readBefore;
    /** What the thread does now, in the source, and since when. */
    private @Nullable Task task;
    private long taskNanos;
    private long keptUpNanos;
    private int failures;
    private long restsUntilNanos;
    private boolean hangSaid;
    private boolean failureSaid;

    /** What is to be done next. */
    private enum Task {
        READ,
        KEEP_UP,
        LET_GO,
        END
    }

    /** Somebody else needs the GPUs for a while. */
    private static final class Release {
        private final String cause;
        private final List<Runnable> waiting = new ArrayList<>();

        Release(String cause) {
            this.cause = cause;
        }
    }

    GpuReader(GpuSource source, InstantSource clock, LongSupplier nanoTime, Log log) {
        this.source = source;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.log = log;
    }

    synchronized void readSoon() {
        boolean rests = failures > 0 && nanoTime.getAsLong() - restsUntilNanos < 0;
        boolean reads = task != null && task != Task.KEEP_UP;
        if (!rests && !reads && release == null && source.isThere()) {
            isWanted = true;
            wake();
        }
    }

    synchronized Optional<Gpus.Answer> answer() {
        long takes = nanoTime.getAsLong() - taskNanos;
        if (task != null && takes > PATIENCE) {
            if (!hangSaid) {
                hangSaid = true;
                log.warn("gpus_hang source=" + source.name()
                        + " hint=\"the driver does not answer; dmesg may tell more\"");
            }
            return Optional.of(silent("the driver has not answered for " + takes / SECOND + " s"));
        }
        return release == null ? Optional.ofNullable(answer) : Optional.of(silent(release.cause));
    }

    synchronized void release(String cause, Runnable released) {
        Release now = release;
        if (now == null) {
            now = new Release(cause);
            release = now;
        }
        isWanted = false;
        now.waiting.add(released);
        wake();
    }

    synchronized void take() {
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
                    case LET_GO -> letGo();
                    case END -> {
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
        noteAnswered();
        Task next = due();
        while (next == null) {
            // Rounded up, so that it is due when this returns; its time may have come by now. 0 is without an end: there is
            // nothing to forget.
            wait(mayForget() ? Math.max(1, untilKeepUp() / TimeUnit.MILLISECONDS.toNanos(1) + 1) : 0);
            next = due();
        }
        isWanted &= next != Task.READ;
        task = next;
        taskNanos = nanoTime.getAsLong();
        return next;
    }

    private @Nullable Task due() {
        if (isClosed) {
            return Task.END;
        }
        if (release != null && !release.waiting.isEmpty()) {
            return Task.LET_GO;
        }
        if (isWanted) {
            return Task.READ;
        }
        return mayForget() && untilKeepUp() <= 0 ? Task.KEEP_UP : null;
    }

    private boolean mayForget() {
        return release == null && answer instanceof Gpus.Told;
    }

    private long untilKeepUp() {
        return keptUpNanos + source.keepUpEvery().toNanos() - nanoTime.getAsLong();
    }

    private void noteAnswered() {
        task = null;
        if (hangSaid) {
            hangSaid = false;
            log.info("gpus_answer source=" + source.name());
        }
    }

    private void read() {
        Instant at = clock.instant();
        try {
            long began = nanoTime.getAsLong();
            List<GpuState> states = source.read();
            told(at, Duration.ofNanos(nanoTime.getAsLong() - began), states);
        } catch (GpuSourceException e) {
            failed(String.valueOf(e.getMessage()));
        } catch (RuntimeException | LinkageError e) {
            failed(source.name() + ": " + e);
        }
    }

    private synchronized void told(Instant at, Duration took, List<GpuState> states) {
        answer = new Gpus.Told(source.name(), at, took, readBefore == null ? null : Duration.between(readBefore, at),
                states);
        readBefore = at;
        keptUpNanos = nanoTime.getAsLong();
        known = states.stream().map(GpuState::name).toList();
        if (failureSaid) {
            log.info("gpus_read source=" + source.name() + " gpus=" + known.size());
        }
        failures = 0;
        failureSaid = false;
    }

    /** Begins anew after a while: the driver may have been replaced, or the GPU reset. */
    private void failed(String cause) {
        releaseSource();
        synchronized (this) {
            readBefore = null;
            answer = silent(cause);
            failures++;
            restsUntilNanos = nanoTime.getAsLong()
                    + Math.min(LONGEST_REST, SHORTEST_REST << Math.min(failures - 1, 10));
            if (!failureSaid) {
                failureSaid = true;
                log.warn("gpus_not_read source=" + source.name() + " cause=\"" + cause + "\"");
            }
        }
    }

    private void keepUp() {
        try {
            source.keepUp();
            synchronized (this) {
                keptUpNanos = nanoTime.getAsLong();
            }
        } catch (RuntimeException | LinkageError e) {
            failed(source.name() + ": " + e);
        }
    }

    private void letGo() {
        boolean isLetGo = releaseSource();
        List<Runnable> waiting = List.of();
        synchronized (this) {
            readBefore = null;
            answer = null;
            if (release != null) {
                waiting = List.copyOf(release.waiting);
                release.waiting.clear();
            }
        }
        if (isLetGo) {
            waiting.forEach(Runnable::run);
        }
    }

    private boolean releaseSource() {
        try {
            source.release();
            return true;
        } catch (RuntimeException | LinkageError e) {
            log.warn("gpus_not_let_go source=" + source.name() + " cause=\"" + e + "\"");
            return false;
        }
    }

    private Gpus.Silent silent(String cause) {
        return new Gpus.Silent(source.name(), known, cause);
    }
}
