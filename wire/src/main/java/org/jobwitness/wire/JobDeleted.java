package org.jobwitness.wire;

/** A run and all its data were deleted. */
public record JobDeleted(String jobId, long run, String cluster) {
}
