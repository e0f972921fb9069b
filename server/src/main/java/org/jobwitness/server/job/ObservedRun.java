package org.jobwitness.server.job;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A run that an agent sees on its node.
 *
 * @param run its key
 * @param cpus CPUs that it has there; null if unknown
 * @param endedAt when it ended, if nothing of it can go on there; null otherwise
 */
public record ObservedRun(long run, @Nullable Integer cpus, @Nullable Instant endedAt) {
}
