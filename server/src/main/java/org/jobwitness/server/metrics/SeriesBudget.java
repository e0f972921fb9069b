package org.jobwitness.server.metrics;

import java.util.HashSet;
import java.util.Set;

/**
 * How many series one scrape may have. Whoever may send events can name any number of nodes; so only few series are of nodes
 * that neither an agent nor Slurm has reported. One thread at a time.
 */
final class SeriesBudget {
    /** Rows of jobs, and of nodes. */
    static final int MAX_UNREPORTED = 10_000;

    private final Set<Name> reported = new HashSet<>();
    private long left;
    private int unreportedNodes;
    private int unreportedOfJobs;
    private long leftOut;

    private record Name(String cluster, String node) {
    }

    SeriesBudget(long max) {
        left = max;
    }

    void report(String cluster, String node) {
        reported.add(new Name(cluster, node));
    }

    /** Whether these series of a node may be there. */
    boolean admitsNode(String cluster, String node, int series) {
        return isReported(cluster, node)
                ? admits(series)
                : admits(series, ++unreportedNodes <= MAX_UNREPORTED);
    }

    /** Whether these series of a job on a node may be there. */
    boolean admitsJob(String cluster, String node, int series) {
        return isReported(cluster, node)
                ? admits(series)
                : admits(series, ++unreportedOfJobs <= MAX_UNREPORTED);
    }

    private boolean isReported(String cluster, String node) {
        return reported.contains(new Name(cluster, node));
    }

    /** Whether these series may be there. */
    boolean admits(int series) {
        return admits(series, true);
    }

    private boolean admits(int series, boolean isAllowed) {
        if (!isAllowed || series > left) {
            leftOut += series;
            return false;
        }
        left -= series;
        return true;
    }

    long leftOut() {
        return leftOut;
    }
}
