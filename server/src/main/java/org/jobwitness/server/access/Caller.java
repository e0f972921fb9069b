package org.jobwitness.server.access;

import io.javalin.http.Context;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.http.ApiException;
import org.jspecify.annotations.Nullable;

/**
 * Who makes a request; passed into every query and into the audit trail.
 *
 * @param actor who was authenticated: the role of a program, or {@code user:} and the user
 * @param claim the person whom the caller claims to act for (X-Changed-By); never trusted
 * @param source the program that it claims to be (X-Source)
 * @param correlationId joins the response, the log and the audit trail
 * @param scope the jobs that it may see
 * @param reports the nodes that it may report
 * @param user who has signed in; null for a program with a token from a file, and where no token is required
 * @param session of the user; null where there is none, or a proxy names the user with each request
 */
public record Caller(String actor, @Nullable String claim, @Nullable String source, String correlationId, Role role,
        Scope scope, ReportScope reports, @Nullable User user, @Nullable Session session) {
    /** The actor where no token is required. */
    public static final String ANONYMOUS = "anonymous";
    private static final String ATTRIBUTE = "caller";

    /** A part of this server, which may see and report everything. */
    public static Caller program(String actor, @Nullable String source, String correlationId) {
        return new Caller(actor, null, source, correlationId, Role.OPERATOR, new Scope.Everything(),
                new ReportScope.Everything(), null, null);
    }

    /** The caller of a request that access control has admitted. */
    public static Caller of(Context ctx) {
        Caller caller = ctx.attribute(ATTRIBUTE);
        if (caller == null) {
            throw new IllegalStateException("no caller: " + ctx.path() + " is not behind access control");
        }
        return caller;
    }

    /** The same of a request that may not have come so far. */
    public static Optional<Caller> find(Context ctx) {
        return Optional.ofNullable(ctx.attribute(ATTRIBUTE));
    }

    /** The same without the jobs of accounts that the user coordinates. */
    public Caller withOwnJobs() {
        return scope instanceof Scope.JobsOf jobs
                ? new Caller(actor, claim, source, correlationId, role, new Scope.JobsOf(jobs.user(), Set.of()),
                        reports,
                        user, session)
                : this;
    }

    /** For people: the user's name, or what the program is. */
    public String displayName() {
        return user == null ? actor : user.label();
    }

    /** How the actor of a user is written, so that none is taken for a program. */
    public static String actor(User user) {
        return "user:" + user.label();
    }

    /**
     * Requires X-Changed-By and X-Source where authentication gives no actor for the audit trail.
     *
     * @throws ApiException 400 if one is missing
     */
    public Caller requireClaim() {
        if (actor.equals(ANONYMOUS)) {
            require("X-Changed-By", claim, "who makes this change");
            require("X-Source", source, "the program that sends it");
        }
        return this;
    }

    private static void require(String header, @Nullable String value, String meaning) {
        if (value == null) {
            throw ApiException.invalidField(header, "the header " + header + " is missing or blank; it names " + meaning
                    + ", for the audit trail");
        }
    }

    public void admit(Context ctx) {
        ctx.attribute(ATTRIBUTE, this);
    }
}
