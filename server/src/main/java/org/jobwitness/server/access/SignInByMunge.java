package org.jobwitness.server.access;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.wire.SignIn;
import org.jspecify.annotations.Nullable;

/**
 * Makes a session of a credential, once. munged itself refuses a second use, but forgets it when it restarts, and munged of
 * another server does not know of it: so each nonce is in the database until no munged takes its credential any more.
 */
public final class SignInByMunge {
    static final Duration LIFETIME = Duration.ofHours(1);
    /** How far the clocks of two servers may differ. */
    private static final Duration MARGIN = Duration.ofHours(1);
    private static final Duration MAX_LIFETIME = Duration.ofDays(1);
    /** Of one user within the lifetime of nonces: as many as nodes on which a user's jobs may ask at once. */
    private static final int MAX_NONCES = 20_000;

    private final Database database;
    private final Munge munge;
    private final NameService names;
    private final Sessions sessions;
    private final Clock clock;

    public SignInByMunge(Database database, Path socket, Sessions sessions, Clock clock) {
        this.database = database;
        this.munge = new Munge(socket);
        this.names = new NameService();
        this.sessions = sessions;
        this.clock = clock;
    }

    /**
     * A new session.
     *
     * @throws ApiException 401, 429 or 503
     */
    Sessions.Created signIn(SignIn request, @Nullable String address, String correlationId) {
        Munge.Decoded credential = munge.decode(request.mungeCredential());
        String nonce = SignIn.nonceOf(credential.payload()).orElseThrow(
                () -> ApiException.unauthorized("the credential was made for another service"));
        User user = new User(names.userName(credential.uid()).orElse(null), credential.uid(), null);
        if (nonces(credential.uid()) >= MAX_NONCES) {
            throw ApiException.tooManyRequests("uid " + credential.uid() + " has signed in " + MAX_NONCES
                    + " times in a short time; use a session again");
        }
        return database.<Optional<Sessions.Created>>write("sign_in", handle -> {
            if (!isNew(handle, credential, nonce)) {
                return Optional.empty();
            }
            Sessions.Created created = sessions.create(handle, user, Session.Method.MUNGE, null, LIFETIME, address);
            AccessEvents.add(handle, AccessEvents.Action.SIGNED_IN, Caller.actor(user), created.session(), address,
                    correlationId);
            return Optional.of(created);
        }).orElseThrow(() -> ApiException.unauthorized("the credential was used before; each counts once"));
    }

    private long nonces(long uid) {
        return database.read("sign_in_nonces", handle -> handle
                .createQuery("select count(*) from sign_in_nonce where uid = :uid").bind("uid", uid)
                .mapTo(Long.class).one());
    }

    private boolean isNew(Handle handle, Munge.Decoded credential, String nonce) {
        Instant now = clock.instant();
        handle.createUpdate("delete from sign_in_nonce where expires_at <= :now").bind("now", now).execute();
        Duration lifetime = credential.lifetime().compareTo(MAX_LIFETIME) > 0 ? MAX_LIFETIME : credential.lifetime();
        Instant latest = credential.encodedAt().isAfter(now) ? credential.encodedAt() : now;
        return handle.createUpdate("""
                insert into sign_in_nonce (uid, nonce, expires_at) values (:uid, :nonce, :until)
                on conflict do nothing""").bind("uid", credential.uid()).bind("nonce", nonce)
                .bind("until", latest.plus(lifetime).plus(MARGIN)).execute() == 1;
    }
}
