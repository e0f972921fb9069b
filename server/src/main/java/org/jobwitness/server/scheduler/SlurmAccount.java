package org.jobwitness.server.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * An account of one cluster in slurmdbd.
 *
 * @param parent the account above it; null for the root
 */
record SlurmAccount(String cluster, String name, @Nullable String parent) {
}
