package org.jobwitness.agent.sampling;

import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jobwitness.agent.log.Log;
import org.jobwitness.wire.JobReading;

/**
 * Runs each part of the sampler's work so that a failure costs that part alone: one job, one GPU, one event. Counts failures, and
 * logs the first of each kind. For the sampler's thread, except the counts.
 */
final class Failures {
    private static final int MAX_LOGGED = 100;

    private final Log log;
    private final Set<String> logged = new HashSet<>();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong figuresLeftOut = new AtomicLong();

    Failures(Log log) {
        this.log = log;
    }

    /** Parts of the work that failed. */
    long count() {
        return failures.get();
    }

    /** Figures that no reading may hold, and that were left out of one. */
    long figuresLeftOut() {
        return figuresLeftOut.get();
    }

    void guard(Object of, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            failed(of, e);
        }
    }

    /** Empty if it failed. */
    <T> Optional<T> guarded(Object of, Supplier<Optional<T>> work) {
        try {
            return work.get();
        } catch (RuntimeException e) {
            failed(of, e);
            return Optional.empty();
        }
    }

    void failed(Object of, RuntimeException e) {
        failures.incrementAndGet();
        StackTraceElement[] trace = e.getStackTrace();
        String at = trace.length == 0 ? "?" : trace[0].toString();
        logOnce(e.getClass().getName() + at,
                "sampling_failed of=" + of + " cause=\"" + e + "\" at=" + at + " (logged once)");
    }

    /** Counts what a reading had to leave out. */
    void leftOut(Object of, Map<String, String> absent) {
        absent.forEach((figure, cause) -> {
            if (cause.startsWith(JobReading.LEFT_OUT)) {
                figuresLeftOut.incrementAndGet();
                logOnce("figure " + figure, "figure_left_out figure=" + figure + " of=" + of + " cause=\""
                        + cause.substring(JobReading.LEFT_OUT.length()) + "\" (logged once)");
            }
        });
    }

    private void logOnce(String kind, String line) {
        if (logged.size() < MAX_LOGGED && logged.add(kind)) {
            log.warn(line);
        }
    }
}
