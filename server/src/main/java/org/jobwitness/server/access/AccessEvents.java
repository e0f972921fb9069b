package org.jobwitness.server.access;

import java.time.Instant;
import java.util.Locale;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/** The audit trail of access: who signed in, shared a run or revoked a session, and what was refused. Rows are never changed. */
public final class AccessEvents {
    private AccessEvents() {
    }

    enum Action {
        SIGNED_IN,
        SHARED,
        REVOKED,
        REFUSED,
        EXPORTED,
        ERASED
    }

    /** @param actor who did it, as in the audit trail of jobs */
    static void add(Handle handle, Action action, String actor, Session session, @Nullable String address,
            String correlationId) {
        handle.createUpdate("""
                insert into access_event (action, actor, session_id, user_name, uid, method, run, address, correlation_id)
                values (:action, :actor, :session, :user, :uid, :method, :run, :address, :correlation_id)""")
                .bind("action", action.name().toLowerCase(Locale.ROOT)).bind("actor", actor)
                .bind("session", session.id()).bind("user", session.user().name()).bind("uid", session.user().uid())
                .bind("method", session.method().toString()).bind("run", session.run()).bind("address", address)
                .bind("correlation_id", correlationId).execute();
    }

    /** A row for requests that were refused for one cause. */
    static void addRefused(Handle handle, Refusals.Refusal refusal, Refusals.Count count) {
        User user = refusal.user();
        String name = user == null ? null : user.name();
        Long uid = user == null ? null : user.uid();
        handle.createUpdate("""
                insert into access_event (at, action, actor, user_name, uid, address, cause, request, requests, correlation_id)
                values (:at, :action, :actor, :user, :uid, :address, :cause, :request, :requests, :correlation_id)""")
                .bind("at", count.firstAt()).bind("action", Action.REFUSED.name().toLowerCase(Locale.ROOT))
                .bind("actor", refusal.actor() == null ? Caller.ANONYMOUS : refusal.actor())
                .bind("user", name).bind("uid", uid)
                .bind("address", refusal.address()).bind("cause", refusal.cause().toString())
                .bind("request", refusal.request()).bind("requests", count.requests())
                .bind("correlation_id", count.correlationId()).execute();
    }

    /** All that is kept of a user was written to a file: so many rows. */
    public static void addExported(Handle handle, String by, User user, long rows) {
        addPrivacy(handle, Action.EXPORTED, by, user, rows);
    }

    /** A user was taken out of so many runs, and whatever else there was: of whom, is not said. */
    public static void addErased(Handle handle, String by, long runs) {
        addPrivacy(handle, Action.ERASED, by, null, runs);
    }

    private static void addPrivacy(Handle handle, Action action, String by, @Nullable User user, long rows) {
        handle.createUpdate("""
                insert into access_event (action, actor, user_name, uid, requests, correlation_id)
                values (:action, :actor, :user, :uid, :rows, '')""")
                .bind("action", action.name().toLowerCase(Locale.ROOT)).bind("actor", by)
                .bind("user", user == null ? null : user.name()).bind("uid", user == null ? null : user.uid())
                .bind("rows", rows).execute();
    }

    /** Deletes what is older, with the audit trail of jobs. */
    public static void forget(Handle handle, Instant before) {
        handle.createUpdate("delete from access_event where at < :before").bind("before", before).execute();
    }
}
