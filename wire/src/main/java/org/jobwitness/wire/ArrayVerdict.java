package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the tasks of a job array ended and what to do about it, each task with its newest run.
 *
 * @param ends of the tasks that have ended, by state and reason, the most tasks first
 * @param typical the completed task whose run time is the median; null if none has completed
 * @param worst the task that lost the most CPU-hours; if none did, the completed one that left the most of its CPUs idle; null if
 *     that is not known of any
 * @param next what to ask for next time, for all tasks
 * @param again the tasks that failed or were cancelled; null if there are none
 * @param incomplete why it may lack tasks; null if it does not
 */
public record ArrayVerdict(JobArray array, String cluster, @Nullable String user, Instant timestamp, List<End> ends,
        @Nullable Task typical, @Nullable Task worst, Verdict.NextRequest next, @Nullable Again again,
        @Nullable String incomplete) {

    public ArrayVerdict {
        ends = List.copyOf(ends);
    }

    /**
     * Tasks that ended in one way.
     *
     * @param reason null if it is not known, or of a success
     * @param list of their numbers, as sbatch's {@code --array} takes it
     * @param cpuHours that were allocated to them
     * @param example the one of them that took the most CPU-hours, by its verdict; null of a success, and of rare ends
     */
    public record End(JobState state, @Nullable Reason reason, long tasks, String list, double cpuHours,
            @Nullable Example example) {
    }

    /**
     * The verdict of a task, in short.
     *
     * @param id such as 500_7
     * @param retry whether to submit such tasks again
     * @param lines for them, such as {@code #SBATCH --mem=26G}
     */
    public record Example(String id, long run, String headline, RetryHow retry, List<String> lines) {
        public Example {
            lines = List.copyOf(lines);
        }
    }

    /**
     * A task and what it used.
     *
     * @param id such as 500_7
     * @param cpuPercent of its CPUs, on average; null if it is not known
     * @param memoryPeakMb on all of its nodes together; null if it is not known
     */
    public record Task(String id, long run, JobState state, double runtimeSeconds, @Nullable Double cpuPercent,
            @Nullable Double memoryPeakMb) {
    }

    /**
     * What to submit again.
     *
     * @param list of task numbers
     * @param line the same as an option for a batch script
     */
    public record Again(long tasks, String list, String line) {
    }
}
