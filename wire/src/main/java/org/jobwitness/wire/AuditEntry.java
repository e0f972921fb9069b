package org.jobwitness.wire;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One line of a job's audit trail.
 *
 * @param action created, updated, deleted, or noted: evidence that was kept but changed nothing
 * @param actor who was authenticated
 * @param claim who the caller says it acts for (X-Changed-By)
 * @param source which program sent it (X-Source)
 * @param before, after the fields that differ
 */
public record AuditEntry(long id, Instant at, long run, String jobId, String action, String actor,
        @Nullable String claim, @Nullable String source, String correlationId, @Nullable String eventId,
        @Nullable Map<String, Object> before, @Nullable Map<String, Object> after) {
}
