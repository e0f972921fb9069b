package org.jobwitness.wire;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Nodes and GPUs on which more runs failed than chance explains, or of which the driver reported errors, by the runs that ended in a
 * period.
 *
 * @param from, to the days, of which {@code to} is not one
 * @param nodes that runs ended on
 * @param gpus that these held
 * @param faults GPU errors first, then the least likely
 * @param excludes the nodes of all faults, as an option, by cluster
 */
public record ReportFaults(LocalDate from, LocalDate to, Instant timestamp, long nodes, long gpus, List<Fault> faults,
        List<Exclude> excludes) {

    public ReportFaults {
        faults = List.copyOf(faults);
        excludes = List.copyOf(excludes);
    }

    /** What speaks against a node or GPU. */
    public enum Kind {
        /** The driver reported errors of the GPU itself: fatal Xids of NVIDIA, uncorrectable memory errors. */
        GPU_ERRORS,
        /** Slurm reported failures of the node, or that it could not start jobs. */
        NODE_FAILURES,
        /** Programs failed, by exit code or signal. */
        PROGRAM_FAILURES;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * One of them.
     *
     * @param gpu as its driver names it; null of a node as a whole
     * @param minor of its device file: 2 of {@code /dev/nvidia2}; null if it is not known
     * @param model of the GPU; null if it is not known
     * @param runs that ended there, and {@code users} whose they were
     * @param failedRuns of these, runs that failed, or that had the GPU when an error was reported
     * @param failures that count: each user's once a day
     * @param expected failures by how the same users' runs ended elsewhere; null of GPU errors
     * @param chance that as many or more failures come about without a fault; null of GPU errors
     * @param xids that the driver reported
     * @param eccErrors uncorrectable memory errors
     * @param sentence all of it, for people
     */
    public record Fault(Kind kind, String cluster, String node, @Nullable String gpu, @Nullable Integer minor,
            @Nullable String model, long runs, long users, long failedRuns, long failedUsers, long failures,
            @Nullable Double expected, @Nullable Double chance, List<Integer> xids, long eccErrors, String sentence) {
        public Fault {
            xids = List.copyOf(xids);
        }
    }

    /**
     * How to keep jobs from them.
     *
     * @param line such as {@code #SBATCH --exclude=g07}
     */
    public record Exclude(String cluster, List<String> nodes, String line) {
        public Exclude {
            nodes = List.copyOf(nodes);
        }
    }
}
