package org.jobwitness.server.job;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A run that an agent sees on its node.
 *
 * @param run its key
 * @param node the agent's
 * @param cpus CPUs that it has there; null if unknown
 * @param endedAt when it ended, if nothing of it can go on there; null otherwise
 * @param version differs after each change of the run
 */
public record ObservedRun(long run, String node, @Nullable Integer cpus, @Nullable Instant endedAt, long version) {
}
