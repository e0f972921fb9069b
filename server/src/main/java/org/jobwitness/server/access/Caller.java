package org.jobwitness.server.access;

import io.javalin.http.Context;
import org.jobwitness.server.http.ApiException;
import org.jspecify.annotations.Nullable;

/**
 * On whose behalf a request runs; goes with it through every query and into the audit trail.
 *
 * @param actor who was authenticated
 * @param claim who the caller says it acts for (X-Changed-By); believed by nobody
 * @param source which program it says it is (X-Source)
 * @param correlationId joins the answer, the log and the audit trail
 */
public record Caller(String actor, @Nullable String claim, @Nullable String source, String correlationId,
        Scope scope) {
    /** The actor where no token is asked for. */
    public static final String ANONYMOUS = "anonymous";
    private static final String ATTRIBUTE = "caller";

    /** The caller of a request, once {@code access} has let it in. */
    public static Caller of(Context ctx) {
        Caller caller = ctx.attribute(ATTRIBUTE);
        if (caller == null) {
            throw new IllegalStateException("no caller: " + ctx.path() + " is not behind access control");
        }
        return caller;
    }

    /**
     * Asks for X-Changed-By and X-Source, where nobody was authenticated who could stand in the audit trail.
     *
     * @throws ApiException 400 if one is missing
     */
    public Caller saysWho() {
        if (actor.equals(ANONYMOUS)) {
            present("X-Changed-By", claim, "who makes this change");
            present("X-Source", source, "the program that sends it");
        }
        return this;
    }

    private static void present(String header, @Nullable String value, String meaning) {
        if (value == null) {
            throw ApiException.invalidField(header, "the header " + header + " is missing or blank; it names " + meaning
                    + ", for the audit trail");
        }
    }

    /** Lets a request in. */
    public void admit(Context ctx) {
        ctx.attribute(ATTRIBUTE, this);
    }
}
