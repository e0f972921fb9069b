package org.jobwitness.wire;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of runs.
 *
 * @param total how many runs match in all
 * @param nextCursor where the next page begins; null on the last one
 */
public record JobPage(List<Job> jobs, long total, int limit, int offset, @Nullable String nextCursor) {

    public JobPage {
        jobs = List.copyOf(jobs);
    }
}
