package org.jobwitness.server.job;

import static org.jobwitness.server.db.Columns.knownTime;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.AuditEntry;
import org.jspecify.annotations.Nullable;

/** The audit trail. A row is added in the transaction of the change that it records, and never changed. */
public final class AuditTable {
    private final Json json;

    public AuditTable(Json json) {
        this.json = json;
    }

    /** The kind of a row. */
    enum Action {
        /** A run is new. */
        CREATED,
        /** Fields of the run changed. */
        UPDATED,
        /** The run was deleted; {@code before} is its last state. */
        DELETED,
        /** Evidence had other values than what is stored, which stays. */
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

    /** Whether this event has a row already: a retry adds no second one. */
    boolean has(Handle handle, long key, @Nullable String eventId) {
        return eventId != null && handle
                .createQuery("select exists (select from audit where job_key = :key and event_id = :event_id)")
                .bind("key", key).bind("event_id", eventId).mapTo(Boolean.class).one();
    }

    /**
     * The trail of a job id, oldest first.
     *
     * @param cluster null for any
     * @param run null for all
     * @param visible a condition on {@code job}: only runs that meet it and were not deleted; null for all runs, deleted ones among them
     */
    public List<AuditEntry> of(Handle handle, String jobId, @Nullable String cluster, @Nullable Long run,
            @Nullable Condition visible, long afterId, int limit) {
        String seen = visible == null
                ? ""
                : " and exists (select from job where job.job_key = audit.job_key and " + visible.sql() + ")";
        return handle.createQuery("""
                select audit_id, at, job_key, job_id, action, actor, claim, source, correlation_id, event_id, before,
                    after
                from audit
                where job_id = :job_id and audit_id > :after_id and cluster = coalesce(:cluster, cluster)
                    and job_key = coalesce(:run, job_key)%s
                order by audit_id limit :limit""".formatted(seen))
                .bindMap(visible == null ? Map.of() : visible.values()).bind("job_id", jobId).bind("cluster", cluster)
                .bind("run", run).bind("after_id", afterId).bind("limit", limit)
                .map((row, _) -> new AuditEntry(row.getLong("audit_id"), knownTime(row, "at"), row.getLong("job_key"),
                        row.getString("job_id"), row.getString("action"), row.getString("actor"),
                        row.getString("claim"), row.getString("source"), row.getString("correlation_id"),
                        row.getString("event_id"), map(row.getString("before")), map(row.getString("after"))))
                .list();
    }

    private @Nullable Map<String, Object> map(@Nullable String text) {
        return text == null ? null : json.map(text);
    }
}
