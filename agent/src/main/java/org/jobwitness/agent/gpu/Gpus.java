package org.jobwitness.agent.gpu;

import java.io.Closeable;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.LongSupplier;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * All GPUs of the node, for the sampler's thread. Nothing here waits for a driver, which may not answer for minutes: each source
 * has a thread of its own, and one call at a time in it.
 */
public final class Gpus implements Closeable {
    private final List<GpuReader> readers;

    /** What is known at this moment, an answer a source. */
    public record Snapshot(List<Answer> answers) {
        public Snapshot {
            answers = List.copyOf(answers);
        }
    }

    /** What a source has said. */
    public sealed interface Answer {
        /** {@link GpuSource#name}. */
        String source();
    }

    /**
     * A reading. It stays the answer until there is another, so whoever has seen it knows it by its time.
     *
     * @param at when it was read
     * @param took how long the source needed for it
     * @param interval since the reading before, for which averages and differences stand; null if there was none
     */
    public record Told(String source, Instant at, Duration took, @Nullable Duration interval,
            List<GpuState> gpus) implements Answer {
        public Told {
            gpus = List.copyOf(gpus);
        }
    }

    /**
     * Nothing is known now.
     *
     * @param gpus those that it told of last
     * @param cause in words for whoever looks for the figures
     */
    public record Silent(String source, List<GpuName> gpus, String cause) implements Answer {
        public Silent {
            gpus = List.copyOf(gpus);
        }
    }

    public Gpus(List<GpuSource> sources, Log log) {
        this(sources, InstantSource.system(), System::nanoTime, log);
    }

    Gpus(List<GpuSource> sources, InstantSource clock, LongSupplier nanoTime, Log log) {
        readers = sources.stream().map(source -> new GpuReader(source, clock, nanoTime, log)).toList();
    }

    /** Has every source read as soon as it can be. One that is busy, failed lately, or has let go is left alone. */
    public void readSoon() {
        readers.forEach(GpuReader::readSoon);
    }

    /** What is known now; of a source that was never asked, nothing. */
    public Snapshot latest() {
        return new Snapshot(readers.stream().flatMap(reader -> reader.answer().stream()).toList());
    }

    /**
     * Lets go of everything that keeps a driver from being unloaded or a GPU from being reset, until {@link #take}.
     *
     * @param cause for figures that are not there meanwhile
     * @param released run when all have let go, by the thread of whichever was last; a driver that hangs delays it
     */
    public void release(String cause, Runnable released) {
        LastOf last = new LastOf(readers.size(), released);
        readers.forEach(reader -> reader.release(cause, last::oneMore));
    }

    /** Reads again when next asked to. */
    public void take() {
        readers.forEach(GpuReader::take);
    }

    /** Waits for no driver. A thread that is in one ends with the process. */
    @Override
    public void close() {
        readers.forEach(GpuReader::close);
    }

    /** Counts how many have still to let go; called by their threads. */
    private static final class LastOf {
        private final Runnable then;
        private int left;

        LastOf(int all, Runnable then) {
            this.then = then;
            left = all;
            if (all == 0) {
                then.run();
            }
        }

        void oneMore() {
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
