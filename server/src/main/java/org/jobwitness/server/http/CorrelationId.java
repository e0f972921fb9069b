package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The X-Correlation-Id of a request: the caller's if it sent a sane one, else a new one. Every answer carries it. */
public final class CorrelationId {
    static final String HEADER = "X-Correlation-Id";
    private static final Pattern SANE = Pattern.compile("[A-Za-z0-9._:/+=@-]{1,128}");

    private CorrelationId() {
    }

    static void assign(Context ctx) {
        String id = saneOrNew(ctx.header(HEADER));
        ctx.attribute(HEADER, id);
        ctx.header(HEADER, id);
    }

    static String saneOrNew(@Nullable String sent) {
        return sent != null && SANE.matcher(sent).matches() ? sent : UUID.randomUUID().toString();
    }

    /** The id of this request. */
    public static String of(Context ctx) {
        String id = ctx.attribute(HEADER);
        return id == null ? "" : id;
    }
}
