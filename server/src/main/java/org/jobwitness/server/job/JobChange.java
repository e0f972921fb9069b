package org.jobwitness.server.job;

import org.jspecify.annotations.Nullable;

/**
 * A run has changed, and the change is durable.
 *
 * @param before null for a new run
 */
public record JobChange(@Nullable Run before, Run after) {
}
