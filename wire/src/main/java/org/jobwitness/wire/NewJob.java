package org.jobwitness.wire;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A job created by hand: it runs from now on.
 *
 * @param nodes host names or Slurm's bracket expressions, at least one
 * @param scheduler further attributes
 */
public record NewJob(String id, String user, List<String> nodes, @Nullable Scheduler scheduler) {

    public NewJob {
        id = JobId.of("id", id);
        user = Checks.requiredText("user", user, 256);
        nodes = Checks.texts("nodes", nodes, 65_536, 65_536);
        if (nodes.isEmpty()) {
            throw new InvalidFieldException("nodes", "must name at least one node");
        }
        if (scheduler != null) {
            scheduler.checkAsRequest();
        }
    }
}
