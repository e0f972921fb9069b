package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The X-Correlation-Id of a request: the caller's if it is valid, else a new one. Every response carries it. */
public final class CorrelationId {
    static final String HEADER = "X-Correlation-Id";
    private static final Pattern VALID = Pattern.compile("[A-Za-z0-9._:/+=@-]{1,128}");

    private CorrelationId() {
    }

    static void assign(Context ctx) {
        String id = validOrNew(ctx.header(HEADER));
        ctx.attribute(HEADER, id);
        ctx.header(HEADER, id);
    }

    static String validOrNew(@Nullable String sent) {
        return sent != null && VALID.matcher(sent).matches() ? sent : UUID.randomUUID().toString();
    }

    public static String of(Context ctx) {
        String id = ctx.attribute(HEADER);
        return id == null ? "" : id;
    }
}
