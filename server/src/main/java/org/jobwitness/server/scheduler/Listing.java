package org.jobwitness.server.scheduler;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All jobs that slurmctld lists.
 *
 * @param cluster its name; null if Slurm does not report it
 * @param unreadable how many could not be read; then a missing job may exist
 */
record Listing(@Nullable String cluster, List<Entry> entries, int unreadable) {

    Listing {
        entries = List.copyOf(entries);
    }

    /**
     * One of them.
     *
     * @param name its id, and behind it for a task of an array {@code _} and the task's number: {@code 19_1}. Tasks that wait
     *     together have one id
     * @param job everything of it; null in the light list, which has states only
     */
    record Entry(String name, SlurmState state, @Nullable SlurmJob job) {

        String jobId() {
            int end = 0;
            while (end < name.length() && Character.isDigit(name.charAt(end))) {
                end++;
            }
            return name.substring(0, end);
        }
    }
}
