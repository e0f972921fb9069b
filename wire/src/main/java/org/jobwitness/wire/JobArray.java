package org.jobwitness.wire;

/**
 * The tasks of a job array that are recorded, by state; each counts once, with its newest run. Tasks that Slurm still holds
 * together as one pending job are not among them.
 *
 * @param id the array's
 * @param newest the task that started last, as {@code 500_9}
 */
public record JobArray(String id, long tasks, long pending, long running, long completed, long failed, long cancelled,
        String newest) {
}
