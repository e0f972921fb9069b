package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * The tasks of a job array that are recorded, by state; each counts once, with its newest run. Tasks that wait together, or were
 * cancelled together, as one job, count each.
 *
 * @param id the array's
 * @param newest the task that started last, as {@code 500_9}; null if all wait together
 * @param incomplete why there may be more tasks; null if there are no more
 */
public record JobArray(String id, long tasks, long pending, long running, long completed, long failed, long cancelled,
        @Nullable String newest, @Nullable String incomplete) {
}
