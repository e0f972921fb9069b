package org.jobwitness.agent.spool;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How full the queue is, and what it has lost since the start.
 *
 * @param batches on disk and in memory; those of an earlier life that have been damaged since count until they are met
 * @param bytes that they take, on disk and in memory
 * @param oldest when the oldest was put; null if there is none
 * @param inMemory those of {@code batches} that are not on disk, because it could not be written
 * @param tooOld how many were dropped because of their age
 * @param tooMuch how many were dropped because there was no room
 * @param damaged how many stretches of the files were passed over because they were not what had been written
 * @param diskFailures how often something could not be written, read or deleted
 */
public record Depth(int batches, long bytes, @Nullable Instant oldest, int inMemory, long tooOld, long tooMuch,
        long damaged, long diskFailures) {
}
