package org.jobwitness.agent.gpu.nvidia;

import java.util.Optional;

/**
 * The average utilization of a GPU, from the driver's samples: each covers the time since the one before, so samples are weighted
 * by their length.
 */
final class BusyTime {
    /** A driver takes a sample at least once a second (nvmlUtilization_t). A longer gap is not covered. */
    private static final long MAX_SAMPLE_MICROS = 1_000_000;

    private long lastMicros;
    private long sinceMicros;
    private double busy;
    private long coveredMicros;

    /**
     * The average since the last call.
     *
     * @param percent of the covered time
     */
    record Average(double percent, long coveredMicros, long totalMicros) {
        /** Whether it covers the whole time, except a sample at either end. */
        boolean isComplete() {
            return coveredMicros >= totalMicros * 9 / 10;
        }
    }

    /** @param fromMicros time of the sample before the first that is to count */
    BusyTime(long fromMicros) {
        lastMicros = fromMicros;
        sinceMicros = fromMicros;
    }

    /** Time of the last counted sample. */
    long lastMicros() {
        return lastMicros;
    }

    void add(NvmlLibrary.Sample sample) {
        long after = sample.micros() - lastMicros;
        if (after > 0 && sample.percent() >= 0 && sample.percent() <= 100) {
            long length = Math.min(after, MAX_SAMPLE_MICROS);
            busy += sample.percent() * length;
            coveredMicros += length;
            lastMicros = sample.micros();
        }
    }

    /** Empty if there was no sample. */
    Optional<Average> take() {
        if (coveredMicros == 0) {
            return Optional.empty();
        }
        Average average = new Average(busy / coveredMicros, coveredMicros, lastMicros - sinceMicros);
        sinceMicros = lastMicros;
        busy = 0;
        coveredMicros = 0;
        return Optional.of(average);
    }
}
