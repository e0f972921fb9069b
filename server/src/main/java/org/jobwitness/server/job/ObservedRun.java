package org.jobwitness.server.job;

import org.jspecify.annotations.Nullable;

/**
 * A run that an agent sees on its node.
 *
 * @param run its key
 * @param cpus CPUs that it has there; null if unknown
 */
public record ObservedRun(long run, @Nullable Integer cpus) {
}
