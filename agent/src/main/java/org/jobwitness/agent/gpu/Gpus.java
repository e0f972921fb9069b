package org.jobwitness.agent.gpu;

import java.io.Closeable;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * All GPUs of the node, for the sampler's thread. Nothing here waits for a driver, which may hang for minutes: each source has
 * its own thread, with one call at a time.
 */
public final class Gpus implements Closeable {
    private final List<GpuReader> readers;

    /** The state of all sources at this moment. */
    public record Snapshot(List<SourceState> sources) {
        public Snapshot {
            sources = List.copyOf(sources);
        }
    }

    /** The last reading of a source, or why there is none. */
    public sealed interface SourceState {
        /** {@link GpuSource#name}. */
        String source();
    }

    /**
     * A reading. It stays until the next one, and is recognized by its time.
     *
     * @param at when it was read
     * @param took the duration of the call
     * @param interval since the reading before, for which averages and differences stand; null if there was none
     */
    public record Available(String source, Instant at, Duration took, @Nullable Duration interval,
            List<GpuState> gpus) implements SourceState {
        public Available {
            gpus = List.copyOf(gpus);
        }
    }

    /**
     * No reading.
     *
     * @param gpus those of its last reading
     * @param cause for the absent figures
     */
    public record Unavailable(String source, List<GpuName> gpus, String cause) implements SourceState {
        public Unavailable {
            gpus = List.copyOf(gpus);
        }
    }

    public Gpus(List<GpuSource> sources, NodeClock clock, Log log) {
        readers = sources.stream().map(source -> new GpuReader(source, clock, log)).toList();
    }

    /** Requests a reading of every source, except those that are busy, failed recently, or are released. */
    public void readSoon() {
        readers.forEach(GpuReader::readSoon);
    }

    /** The state of every source that was read at least once. */
    public Snapshot latest() {
        return new Snapshot(readers.stream().flatMap(reader -> reader.state().stream()).toList());
    }

    /**
     * Releases everything that keeps a driver from being unloaded or a GPU from being reset, until {@link #reacquire}.
     *
     * @param cause for figures that are absent meanwhile
     * @param released run after the last source was released, by its thread; a driver that hangs delays it
     */
    public void release(String cause, Runnable released) {
        Countdown last = new Countdown(readers.size(), released);
        readers.forEach(reader -> reader.release(cause, last::countDown));
    }

    /** Reads again at the next request. */
    public void reacquire() {
        readers.forEach(GpuReader::reacquire);
    }

    /** Waits for no driver. A thread inside one ends with the process. */
    @Override
    public void close() {
        readers.forEach(GpuReader::close);
    }

    /** Counts the sources that are not released yet; called by their threads. */
    private static final class Countdown {
        private final Runnable then;
        private int left;

        Countdown(int all, Runnable then) {
            this.then = then;
            left = all;
            if (all == 0) {
                then.run();
            }
        }

        void countDown() {
            boolean isLast;
            synchronized (this) {
                isLast = --left == 0;
            }
            if (isLast) {
                then.run();
            }
        }
    }
}
