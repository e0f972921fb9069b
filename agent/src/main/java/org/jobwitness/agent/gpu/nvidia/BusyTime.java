package org.jobwitness.agent.gpu.nvidia;

import java.util.Optional;

/**
 * The average of how busy a GPU was, from the driver's samples: each stands for the time since the one before it, so that samples
 * of different lengths count as long as they were.
 */
final class BusyTime {
    /** A driver takes a sample at least each second (nvmlUtilization_t). What lies further apart was not seen. */
    private static final long LONGEST_SAMPLE_MICROS = 1_000_000;

    private long lastMicros;
    private long sinceMicros;
    private double busy;
    private long seenMicros;

    /**
     * What was seen since it was taken last.
     *
     * @param percent of the time that was seen
     */
    record Average(double percent, long seenMicros, long ofMicros) {
        /** Whether it stands for the whole time. A sample at either end is no matter. */
        boolean isOfAll() {
            return seenMicros >= ofMicros * 9 / 10;
        }
    }

    /** @param fromMicros time of the sample before the first that is to count */
    BusyTime(long fromMicros) {
        lastMicros = fromMicros;
        sinceMicros = fromMicros;
    }

    /** The last that has been counted. */
    long lastMicros() {
        return lastMicros;
    }

    void add(NvmlLibrary.Sample sample) {
        long after = sample.micros() - lastMicros;
        if (after > 0 && sample.percent() >= 0 && sample.percent() <= 100) {
            long stands = Math.min(after, LONGEST_SAMPLE_MICROS);
            busy += sample.percent() * stands;
            seenMicros += stands;
            lastMicros = sample.micros();
        }
    }

    /** Empty if there was no sample. */
    Optional<Average> take() {
        if (seenMicros == 0) {
            return Optional.empty();
        }
        Average average = new Average(busy / seenMicros, seenMicros, lastMicros - sinceMicros);
        sinceMicros = lastMicros;
        busy = 0;
        seenMicros = 0;
        return Optional.of(average);
    }
}
