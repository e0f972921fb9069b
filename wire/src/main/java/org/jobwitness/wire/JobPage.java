package org.jobwitness.wire;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of runs.
 *
 * @param total number of all runs that match
 * @param nextCursor start of the next page; null on the last one
 */
public record JobPage(List<Job> jobs, long total, int limit, int offset, @Nullable String nextCursor) {

    public JobPage {
        jobs = List.copyOf(jobs);
    }
}
