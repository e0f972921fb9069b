package org.jobwitness.server.job;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jobwitness.server.db.Columns;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.json.Json;
import org.jspecify.annotations.Nullable;

/**
 * Takes a person out of runs and their audit trail: name, uid, the job's name and what else users write, and an account of the
 * user's name. What a run was given and used, and how it ended, stays. All within the caller's transaction.
 */
public final class RunErasure {
    private static final Set<String> PERSONAL = Set.of("user", "uid", "cgroup_path", "scheduler.name",
            "scheduler.state_description", "scheduler.extra");
    private static final String ERASED = "erased";
    private final Json json;
    private final String name;
    private final String actor;

    /**
     * @param name of the user
     * @param actor the user in the audit trail
     */
    public RunErasure(Json json, String name, String actor) {
        this.json = json;
        this.name = name;
        this.actor = actor;
    }

    /** Some runs that meet the condition, locked until the transaction ends; empty if there are no more. */
    public static List<Long> some(Handle handle, Condition owned, int limit) {
        return handle.createQuery("""
                with chosen as materialized (
                    select job_key, cluster, job_id from job where %s order by job_key limit :limit)
                select job_key, pg_advisory_xact_lock(hashtextextended(cluster || '/' || job_id, 0)) from chosen
                """.formatted(owned.sql())).bindMap(owned.values()).bind("limit", limit)
                .map((row, _) -> row.getLong("job_key")).list();
    }

    /** The runs of some keys, and the trails of these keys, whether the runs are still there or not. */
    public void erase(Handle handle, List<Long> keys) {
        redact(handle, handle.createQuery("select * from audit where job_key = any(:keys)")
                .bindArray("keys", Long.class, keys).map((row, _) -> entry(row)).list(), true);
        List<Map<String, Object>> texts = new ArrayList<>();
        handle.createQuery("""
                select job_key, job_id, het_job_id, nullif(account, :name) as account, partition, nodes,
                    scheduler ->> 'array_job_id' as array_job_id, scheduler ->> 'array_task_id' as array_task_id,
                    scheduler ->> 'het_job_offset' as het_job_offset
                from job where job_key = any(:keys)""").bind("name", name).bindArray("keys", Long.class, keys)
                .map((row, _) -> texts.add(Map.of("key", row.getLong("job_key"), "search", SearchText.of(
                        Columns.string(row, "job_id"),
                        SearchText.task(row.getString("array_job_id"), row.getString("array_task_id")),
                        SearchText.component(row.getString("het_job_id"), row.getString("het_job_offset")), null, null,
                        row.getString("account"), row.getString("partition"), Columns.strings(row, "nodes")))))
                .list();
        PreparedBatch batch = handle.prepareBatch("""
                update job set user_name = null, uid = null, cgroup_path = null, account = nullif(account, :name),
                    scheduler = scheduler - array['name', 'state_description', 'extra']
                        - case when scheduler ->> 'cancelled_by' = :name then array['cancelled_by'] else '{}' end,
                    search = :search
                where job_key = :key""");
        texts.forEach(text -> batch.bind("name", name).bindMap(text).add());
        batch.execute();
        handle.createUpdate("update job_node set cgroup_path = null where job_key = any(:keys)")
                .bindArray("keys", Long.class, keys).execute();
    }

    /** By key, from one on: the runs of others that the user cancelled. */
    public void eraseCancellations(Handle handle, long from, long to) {
        handle.createUpdate("""
                update job set scheduler = scheduler - 'cancelled_by'
                where job_key >= :from and job_key < :to and scheduler ->> 'cancelled_by' = :name""")
                .bind("from", from).bind("to", to).bind("name", name).execute();
    }

    /** In a part of the trail: the runs that are deleted and were the user's, whose whole trail is redacted; and who acted. */
    public void eraseTrail(Handle handle, @Nullable String cluster, Instant from, Instant to) {
        List<Long> deleted = handle.createQuery("""
                select distinct job_key from audit where at >= :from and at < :to
                    and (before ->> 'user' = :name or after ->> 'user' = :name)
                    and cluster = coalesce(:cluster, cluster)
                    and not exists (select from job where job.job_key = audit.job_key)""").bind("from", from)
                .bind("to", to).bind("name", name).bind("cluster", cluster).mapTo(Long.class).list();
        erase(handle, deleted);
        redact(handle, handle.createQuery("""
                select * from audit where at >= :from and at < :to
                    and (actor in (:actor, :link) or claim = :name or before ->> 'scheduler.cancelled_by' = :name
                        or after ->> 'scheduler.cancelled_by' = :name)""").bind("from", from).bind("to", to)
                .bind("name", name).bind("actor", actor).bind("link", "link of " + actor)
                .map((row, _) -> entry(row)).list(), false);
    }

    private record Entry(Instant at, long id, String actor, @Nullable String claim, @Nullable String before,
            @Nullable String after) {
    }

    private static Entry entry(ResultSet row) throws SQLException {
        return new Entry(Columns.knownTime(row, "at"), row.getLong("audit_id"), Columns.string(row, "actor"),
                row.getString("claim"), row.getString("before"), row.getString("after"));
    }

    private void redact(Handle handle, List<Entry> entries, boolean isOwn) {
        handle.execute("set local jobwitness.erasing = 'on'");
        PreparedBatch batch = handle.prepareBatch("""
                update audit set actor = :actor, claim = :claim, before = cast(:before as jsonb),
                    after = cast(:after as jsonb)
                where at = :at and audit_id = :id""");
        for (Entry entry : entries) {
            batch.bind("at", entry.at).bind("id", entry.id)
                    .bind("actor", isUser(entry.actor) ? "user:" + ERASED : entry.actor)
                    .bind("claim", name.equals(entry.claim) ? ERASED : entry.claim)
                    .bind("before", redacted(entry.before, isOwn)).bind("after", redacted(entry.after, isOwn)).add();
        }
        batch.execute();
        handle.execute("set local jobwitness.erasing = 'off'");
    }

    private boolean isUser(String other) {
        return other.equals(actor) || other.equals("link of " + actor);
    }

    private @Nullable String redacted(@Nullable String fields, boolean isOwn) {
        if (fields == null) {
            return null;
        }
        Map<String, Object> kept = new LinkedHashMap<>();
        Objects.requireNonNull(json.map(fields)).forEach((field, value) -> {
            boolean isPersonal = isOwn && (PERSONAL.contains(field) || field.endsWith(" cgroup_path"));
            if (!isPersonal && !name.equals(value)) {
                kept.put(field, value);
            }
        });
        return kept.isEmpty() ? null : json.text(kept);
    }
}
