package org.jobwitness.server.job;

import static org.jobwitness.server.db.Columns.knownTime;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.AuditEntry;
import org.jspecify.annotations.Nullable;

/** The audit trail. Rows are added inside the transaction of the change that they tell of, and never touched again. */
public final class AuditTable {
    private static final String SELECT = """
            select audit_id, at, job_key, job_id, action, actor, claim, source, correlation_id, event_id, before, after
            from audit
            """;

    private final Json json;

    public AuditTable(Json json) {
        this.json = json;
    }

    /** What kind of line it is. */
    enum Action {
        /** The run became known. */
        CREATED,
        /** Fields of the run changed. */
        UPDATED,
        /** The run was forgotten; {@code before} is what it was at last. */
        DELETED,
        /** Something was said that differs from what is known, and did not change it. */
        NOTED
    }

    void add(Handle handle, Caller caller, Action action, Run run, @Nullable String eventId,
            Map<String, Object> before, Map<String, Object> after) {
        handle.createUpdate("""
                insert into audit (job_key, cluster, job_id, action, actor, claim, source, correlation_id, event_id,
                                   before, after)
                values (:key, :cluster, :job_id, :action, :actor, :claim, :source, :correlation_id, :event_id,
                        cast(:before as jsonb), cast(:after as jsonb))""")
                .bind("key", run.key()).bind("cluster", run.identity().cluster())
                .bind("job_id", run.identity().jobId())
                .bind("action", action.name().toLowerCase(Locale.ROOT)).bind("actor", caller.actor())
                .bind("claim", caller.claim()).bind("source", caller.source())
                .bind("correlation_id", caller.correlationId()).bind("event_id", eventId)
                .bind("before", before.isEmpty() ? null : json.text(before))
                .bind("after", after.isEmpty() ? null : json.text(after)).execute();
    }

    /** True if this event has left a line already: a retry need not repeat itself. */
    boolean has(Handle handle, long key, @Nullable String eventId) {
        return eventId != null && handle
                .createQuery("select exists (select from audit where job_key = :key and event_id = :event_id)")
                .bind("key", key).bind("event_id", eventId).mapTo(Boolean.class).one();
    }

    /**
     * The trail of a job id, oldest first, with the runs of it that were deleted.
     *
     * @param cluster null for any
     * @param run null for all
     */
    public List<AuditEntry> of(Handle handle, String jobId, @Nullable String cluster, @Nullable Long run, long afterId,
            int limit) {
        return entries(handle.createQuery(SELECT + """
                where job_id = :job_id and audit_id > :after_id and cluster = coalesce(:cluster, cluster)
                    and job_key = coalesce(:run, job_key)
                order by audit_id limit :limit""").bind("job_id", jobId).bind("cluster", cluster).bind("run", run)
                .bind("after_id", afterId).bind("limit", limit));
    }

    /** The trail of the given runs, oldest first. */
    public List<AuditEntry> of(Handle handle, List<Long> keys, long afterId, int limit) {
        return entries(handle
                .createQuery(
                        SELECT + "where job_key = any(:keys) and audit_id > :after_id order by audit_id limit :limit")
                .bindArray("keys", Long.class, keys).bind("after_id", afterId).bind("limit", limit));
    }

    private List<AuditEntry> entries(Query query) {
        return query.map((row, _) -> new AuditEntry(row.getLong("audit_id"),
                knownTime(row, "at"), row.getLong("job_key"),
                row.getString("job_id"), row.getString("action"), row.getString("actor"),
                row.getString("claim"), row.getString("source"), row.getString("correlation_id"),
                row.getString("event_id"), map(row.getString("before")), map(row.getString("after"))))
                .list();
    }

    private @Nullable Map<String, Object> map(@Nullable String text) {
        return text == null ? null : json.map(text);
    }
}
