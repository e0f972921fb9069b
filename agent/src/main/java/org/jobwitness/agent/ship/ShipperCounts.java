package org.jobwitness.agent.ship;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Counts since the start.
 *
 * @param batchesSent accepted by the service, including duplicates
 * @param batchesRefused refused for good, and dropped
 * @param readingsRefused of jobs, in accepted batches
 * @param eventsSent of prolog and epilog, because their scripts could not
 * @param eventsRefused refused for good; the files are left to the scripts
 * @param eventsUntrusted left in the scripts' spool now, because others may have written them
 * @param failures requests without a response, or with one that asks for a retry
 * @param lastSuccess when the service last accepted a request
 * @param unavailableSince the first failure since the last success
 */
public record ShipperCounts(long batchesSent, long batchesRefused, long readingsRefused, long eventsSent,
        long eventsRefused,
        int eventsUntrusted, long failures, @Nullable Instant lastSuccess, @Nullable Instant unavailableSince) {
}
