package org.jobwitness.wire;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Where a change would free the most, as far as the caller may see it: the unused hours of runs of one user and one name that ended
 * in a period, and what the verdict of one of them advises.
 *
 * @param from, to the days, of which {@code to} is not one
 * @param topics by resource, the most wasted hours first
 */
public record ReportTalk(LocalDate from, LocalDate to, Instant timestamp, List<Topic> topics) {

    public ReportTalk {
        topics = List.copyOf(topics);
    }

    /** What would be freed. */
    public enum Resource {
        CPU("CPU-hours"),
        GPU("GPU-hours"),
        /** In GiB. */
        MEMORY("GiB-hours");

        private final String hours;

        Resource(String hours) {
            this.hours = hours;
        }

        /** What its hours are called. */
        public String hours() {
            return hours;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Runs of one user that have the same name.
     *
     * @param name of the jobs; null if they have none, or it is not known
     * @param runs of which the use is known, and not all was used
     * @param allocated hours of them; {@code wasted} is the unused part
     */
    public record Topic(Resource resource, String cluster, String user, @Nullable String name, long runs,
            double allocated, double wasted, Example example) {
    }

    /**
     * The verdict of the run that wasted the most, in short; of a completed one, if there is any.
     *
     * @param sentence what was found about its use of the resource
     * @param advice what to do about it
     * @param lines for the next run, such as {@code #SBATCH --cpus-per-task=4}; empty if no number follows
     */
    public record Example(String id, long run, String sentence, String advice, List<String> lines) {
        public Example {
            lines = List.copyOf(lines);
        }
    }
}
