package org.jobwitness.wire;

/** A run was deleted, with all that was known of it. */
public record JobDeleted(String jobId, long run, String cluster) {
}
