package org.jobwitness.server.access;

import io.javalin.http.Context;
import org.jobwitness.server.http.ApiException;
import org.jspecify.annotations.Nullable;

/**
 * Who makes a request; passed into every query and into the audit trail.
 *
 * @param actor the authenticated role
 * @param claim the person whom the caller claims to act for (X-Changed-By); never trusted
 * @param source the program that it claims to be (X-Source)
 * @param correlationId joins the response, the log and the audit trail
 * @param scope the jobs that it may see
 * @param reports the nodes that it may report
 */
public record Caller(String actor, @Nullable String claim, @Nullable String source, String correlationId,
        Scope scope, ReportScope reports) {
    /** The actor where no token is required. */
    public static final String ANONYMOUS = "anonymous";
    private static final String ATTRIBUTE = "caller";

    /** One that may report all nodes. */
    public Caller(String actor, @Nullable String claim, @Nullable String source, String correlationId, Scope scope) {
        this(actor, claim, source, correlationId, scope, new ReportScope.Everything());
    }

    /** The caller of a request that access control has admitted. */
    public static Caller of(Context ctx) {
        Caller caller = ctx.attribute(ATTRIBUTE);
        if (caller == null) {
            throw new IllegalStateException("no caller: " + ctx.path() + " is not behind access control");
        }
        return caller;
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
