package org.jobwitness.server.access;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.strings;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.access.Session.Method;
import org.jobwitness.server.db.Database;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of people, for all servers of one database. Of a token only the hash is kept, which is useless to whoever reads the
 * database: a token is 256 random bits. A revoked session is deleted.
 */
public final class Sessions {
    /** Which tells such a token from those in files, and from anything else in a log or a repository. */
    private static final String PREFIX = "jws_";
    /** The oldest ones of a user make room for more. */
    private static final int MAX_OF_A_USER = 2_000;
    private static final int MAX_LISTED = 1000;
    private static final String OWNED = "(:any or (user_name is not distinct from :owner"
            + " and uid is not distinct from :owner_uid))";
    private static final String COLUMNS = "session_id, user_name, uid, cluster, method, run, created_at, expires_at, address, groups";

    private final Database database;
    private final Clock clock;

    public Sessions(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /** A session and its token, which is shown this once. */
    public record Created(Session session, String token) {
    }

    static boolean isToken(String text) {
        return text.startsWith(PREFIX);
    }

    /**
     * Adds one, in the handle's transaction.
     *
     * @param run the only run that it shows; null for all that the user may see
     */
    Created create(Handle handle, User user, Method method, @Nullable Long run, Duration lifetime,
            @Nullable String address) {
        return create(handle, user, method, run, lifetime, address, List.of());
    }

    /** The same with groups of the user, of those that the settings name. */
    Created create(Handle handle, User user, Method method, @Nullable Long run, Duration lifetime,
            @Nullable String address, List<String> groups) {
        Instant now = clock.instant();
        String token = Secrets.random(PREFIX);
        handle.createUpdate("""
                delete from session where expires_at <= :now or session_id in (
                    select session_id from session where user_name is not distinct from :user
                        and uid is not distinct from :uid order by session_id desc offset :max)""")
                .bind("now", now).bind("user", user.name()).bind("uid", user.uid()).bind("max", MAX_OF_A_USER - 1)
                .execute();
        Session session = handle.createQuery("""
                insert into session (token_hash, user_name, uid, cluster, method, run, created_at, expires_at, address,
                    groups)
                values (:hash, :user, :uid, :cluster, :method, :run, :now, :until, :address, :groups) returning %s"""
                .formatted(COLUMNS)).bind("hash", Secrets.hash(token)).bind("user", user.name()).bind("uid", user.uid())
                .bind("cluster", user.cluster()).bind("method", method.toString()).bind("run", run).bind("now", now)
                .bind("until", now.plus(lifetime)).bind("address", address).bindArray("groups", String.class, groups)
                .map((row, _) -> session(row)).one();
        return new Created(session, token);
    }

    /** A session that shows one run, to be given to somebody by a user. */
    public Created share(Caller by, User user, long run, Duration lifetime, String address) {
        return database.write("session_share", handle -> {
            Created created = create(handle, user, Method.SHARE_LINK, run, lifetime, address);
            AccessEvents.add(handle, AccessEvents.Action.SHARED, by.actor(), created.session(), address,
                    by.correlationId());
            return created;
        });
    }

    /** The session of a token; empty if there is none, or it has expired or was revoked. */
    Optional<Session> find(String token) {
        return database.read("session_find", handle -> handle
                .createQuery("select " + COLUMNS + " from session where token_hash = :hash and expires_at > :now")
                .bind("hash", Secrets.hash(token)).bind("now", clock.instant()).map((row, _) -> session(row))
                .findFirst());
    }

    /** Whether a session has neither expired nor been revoked. */
    public boolean isLive(long id) {
        return database.read("session_find", handle -> handle
                .createQuery("select exists (select from session where session_id = :id and expires_at > :now)")
                .bind("id", id).bind("now", clock.instant()).mapTo(Boolean.class).one());
    }

    /**
     * Those that have not expired, the newest first.
     *
     * @param owner only this user's; null for all
     * @param name only those of users with this name; null for any
     */
    List<Session> list(@Nullable User owner, @Nullable String name) {
        return database.read("session_list", handle -> of(owner, handle.createQuery("select " + COLUMNS
                + " from session where expires_at > :now and user_name is not distinct from coalesce(:name, user_name)"
                + " and " + OWNED + " order by session_id desc limit :max")).bind("now", clock.instant())
                .bind("name", name).bind("max", MAX_LISTED).map((row, _) -> session(row)).list());
    }

    /** @param owner only if it is this user's; null for any */
    Optional<Session> find(long id, @Nullable User owner) {
        return database.read("session_find", handle -> of(owner, handle.createQuery("select " + COLUMNS
                + " from session where session_id = :id and expires_at > :now and " + OWNED)).bind("id", id)
                .bind("now", clock.instant()).map((row, _) -> session(row)).findFirst());
    }

    /** Ends a session; returns whether there was one. */
    public boolean revoke(long id, Caller by, String address) {
        return database.write("session_revoke", handle -> {
            Optional<Session> revoked = handle
                    .createQuery("delete from session where session_id = :id returning " + COLUMNS).bind("id", id)
                    .map((row, _) -> session(row)).findFirst();
            revoked.ifPresent(session -> AccessEvents.add(handle, AccessEvents.Action.REVOKED, by.actor(), session,
                    address, by.correlationId()));
            return revoked.isPresent();
        });
    }

    private static Query of(@Nullable User owner, Query query) {
        return query.bind("any", owner == null).bind("owner", owner == null ? null : owner.name())
                .bind("owner_uid", owner == null ? null : owner.uid());
    }

    private static Session session(ResultSet row) throws SQLException {
        return new Session(row.getLong("session_id"),
                new User(row.getString("user_name"), row.getObject("uid", Long.class), row.getString("cluster")),
                Objects.requireNonNull(constant(Method.class, row.getString("method"))),
                row.getObject("run", Long.class), knownTime(row, "created_at"), knownTime(row, "expires_at"),
                row.getString("address"), strings(row, "groups"));
    }
}
