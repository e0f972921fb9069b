package org.jobwitness.server.access;

import static org.jobwitness.server.db.Columns.knownTime;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jspecify.annotations.Nullable;

/**
 * One-time codes, which bring a person who has signed in elsewhere, such as on a login node, into a browser. Of a code only the
 * hash is kept. They are in the database, so that they survive a restart, and any server of the database takes them.
 */
public final class SignInCodes {
    static final Duration LIFETIME = Duration.ofMinutes(5);
    /** Of a session in a browser: a day at work. */
    static final Duration SESSION_LIFETIME = Duration.ofHours(12);
    private static final String PREFIX = "jwc_";
    /** The oldest ones of a user make room for more. */
    private static final int MAX_OF_A_USER = 100;
    private static final String COLUMNS = "user_name, uid, cluster, actor, page, expires_at";

    private final Database database;
    private final Sessions sessions;
    private final Clock clock;

    public SignInCodes(Database database, Sessions sessions, Clock clock) {
        this.database = database;
        this.sessions = sessions;
        this.clock = clock;
    }

    /**
     * What a code stands for.
     *
     * @param actor who asked for it
     * @param page to show then, relative to the first one; null for that
     */
    public record Grant(User user, String actor, @Nullable String page, Instant expiresAt) {
    }

    /** A code and what it stands for; it is shown this once. */
    record Created(String code, Grant grant) {
    }

    /** A new browser session, its token, and the page to show. */
    public record Exchanged(Sessions.Created created, @Nullable String page) {
    }

    Created create(Caller by, User user, @Nullable String page) {
        Instant now = clock.instant();
        Grant grant = new Grant(user, by.actor(), page, now.plus(LIFETIME));
        String code = Secrets.random(PREFIX);
        return database.write("sign_in_code_create", handle -> {
            handle.createUpdate("""
                    delete from sign_in_code where expires_at <= :now or code_hash in (
                        select code_hash from sign_in_code where user_name is not distinct from :user
                            and uid is not distinct from :uid order by expires_at desc offset :max)""")
                    .bind("now", now).bind("user", user.name()).bind("uid", user.uid()).bind("max", MAX_OF_A_USER - 1)
                    .execute();
            handle.createUpdate("""
                    insert into sign_in_code (code_hash, user_name, uid, cluster, actor, page, expires_at)
                    values (:hash, :user, :uid, :cluster, :actor, :page, :until)""")
                    .bind("hash", Secrets.hash(code)).bind("user", user.name()).bind("uid", user.uid())
                    .bind("cluster", user.cluster()).bind("actor", grant.actor).bind("page", page)
                    .bind("until", grant.expiresAt).execute();
            return new Created(code, grant);
        });
    }

    /** What a code stands for; empty if there is none such, or it has expired or was used. It can be used still. */
    public Optional<Grant> find(String code) {
        return database.read("sign_in_code_find", handle -> handle
                .createQuery("select " + COLUMNS + " from sign_in_code where code_hash = :hash and expires_at > :now")
                .bind("hash", Secrets.hash(code)).bind("now", clock.instant()).map((row, _) -> grant(row)).findFirst());
    }

    /** Makes a session of a code, once; empty as for {@link #find}. */
    public Optional<Exchanged> exchange(String code, @Nullable String address, String correlationId) {
        return database.write("sign_in_code_exchange", handle -> {
            Optional<Grant> taken = handle.createQuery("delete from sign_in_code where code_hash = :hash and"
                    + " expires_at > :now returning " + COLUMNS).bind("hash", Secrets.hash(code))
                    .bind("now", clock.instant()).map((row, _) -> grant(row)).findFirst();
            return taken.map(grant -> {
                Sessions.Created created = sessions.create(handle, grant.user, Session.Method.CODE, null,
                        SESSION_LIFETIME, address);
                AccessEvents.add(handle, AccessEvents.Action.SIGNED_IN, grant.actor, created.session(), address,
                        correlationId);
                return new Exchanged(created, grant.page);
            });
        });
    }

    private static Grant grant(ResultSet row) throws SQLException {
        return new Grant(
                new User(row.getString("user_name"), row.getObject("uid", Long.class), row.getString("cluster")),
                row.getString("actor"), row.getString("page"), knownTime(row, "expires_at"));
    }
}
