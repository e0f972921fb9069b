package org.jobwitness.wire;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An entry of a job's audit trail.
 *
 * @param action created, updated, deleted, or noted: evidence that is kept but changed nothing
 * @param actor the authenticated role
 * @param claim the person whom the caller claims to act for (X-Changed-By)
 * @param source the program that sent it (X-Source)
 * @param before, after the fields that differ
 */
public record AuditEntry(long id, Instant at, long run, String jobId, String action, String actor,
        @Nullable String claim, @Nullable String source, String correlationId, @Nullable String eventId,
        @Nullable Map<String, Object> before, @Nullable Map<String, Object> after) {
}
