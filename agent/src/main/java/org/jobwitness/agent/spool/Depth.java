package org.jobwitness.agent.spool;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The size of the queue, and its losses since the start.
 *
 * @param batches on disk and in memory; damaged ones count until they are read
 * @param bytes their size, on disk and in memory
 * @param oldest time of the oldest; null if there is none
 * @param inMemory those of {@code batches} that could not be written to disk
 * @param tooOld dropped because of their age
 * @param tooMuch dropped for lack of space
 * @param damaged sections of the files that were skipped because of damage
 * @param diskFailures failed writes, reads and deletions
 */
public record Depth(int batches, long bytes, @Nullable Instant oldest, int inMemory, long tooOld, long tooMuch,
        long damaged, long diskFailures) {
}
