package org.jobwitness.agent.ship;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What has been sent since the start.
 *
 * @param batchesSent that the service has taken, those among them that it had already
 * @param batchesRefused that it would never take, so that they are gone
 * @param readingsRefused of jobs, in batches that it has taken
 * @param eventsSent of prolog and epilog, because their scripts could not
 * @param eventsRefused that it would never take; the files are left to the scripts
 * @param failures requests without an answer, or with one that asks to try again
 * @param lastSuccess when the service last took something
 * @param awaySince when the first of the failures was that no success has followed
 */
public record ShipperCounts(long batchesSent, long batchesRefused, long readingsRefused, long eventsSent, long eventsRefused,
        long failures, @Nullable Instant lastSuccess, @Nullable Instant awaySince) {
}
