package org.jobwitness.server.http;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.sql.SQLException;
import org.eclipse.jetty.http.HttpException;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jobwitness.wire.ErrorResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns every exception that leaves an endpoint into the error JSON of the API, or into a page where a browser asked for one. */
final class ErrorHandler {
    private static final Logger log = LoggerFactory.getLogger(ErrorHandler.class);

    /** Jetty reads and discards a body up to this size. */
    private static final int MAX_DISCARDED = 4 * 1024;

    private final Json json;
    private final ErrorPage page;

    ErrorHandler(Json json, ErrorPage page) {
        this.json = json;
        this.page = page;
    }

    void routes(RoutesConfig routes) {
        routes.exception(ApiException.class, this::refused);
        routes.exception(DatabaseUnavailable.class, this::databaseUnavailable);
        routes.exception(HttpResponseException.class, this::javalinError);
        routes.exception(Exception.class, this::unexpected);
    }

    private void refused(ApiException e, Context ctx) {
        if (e.status() == 401) {
            ctx.header("WWW-Authenticate", "Bearer");
        }
        if (e.status() == 429 || e.status() == 503) {
            ctx.header("Retry-After", "5");
        }
        respond(ctx, e.status(), new ErrorResponse(e.code(), String.valueOf(e.getMessage()), e.details()));
    }

    private void databaseUnavailable(DatabaseUnavailable e, Context ctx) {
        ctx.header("Retry-After", "5");
        respond(ctx, 503, "unavailable", e.getMessage() + "; send it again later, twice does no harm");
    }

    private void javalinError(HttpResponseException e, Context ctx) {
        if (e.getStatus() == 405) {
            String allowed = e.getDetails().getOrDefault("availableMethods", "");
            ctx.header("Allow", allowed);
            respond(ctx, 405, "method_not_allowed",
                    ctx.method() + " is not possible on this path; allowed: " + allowed);
        } else if (e.getStatus() == 404) {
            respond(ctx, 404, "not_found",
                    "there is nothing at " + Printable.shown(ctx.path()) + "; /docs lists what there is");
        } else if (e.getStatus() < 500) {
            respond(ctx, 400, "invalid_request", String.valueOf(e.getMessage()));
        } else {
            failed(e, ctx);
        }
    }

    private void unexpected(Exception e, Context ctx) {
        if (isBrokenRequest(e)) {
            respond(ctx, 400, "invalid_request", "the request did not arrive in full");
        } else {
            failed(e, ctx);
        }
    }

    /** A body that was cut off; not a broken connection to the database. */
    private static boolean isBrokenRequest(@Nullable Throwable e) {
        for (Throwable t = e; t != null && !(t instanceof SQLException); t = t.getCause()) {
            if (t instanceof HttpException || t instanceof IOException) {
                return true;
            }
        }
        return false;
    }

    private void failed(Exception e, Context ctx) {
        String id = CorrelationId.of(ctx);
        log.error("request_failed method={} path=\"{}\" correlation_id={}", ctx.method(), Printable.shown(ctx.path()),
                id, e);
        respond(ctx, 500, "internal_error", "the server failed; see its log under correlation id " + id);
    }

    private void respond(Context ctx, int status, String code, String message) {
        respond(ctx, status, new ErrorResponse(code, message, null));
    }

    private void respond(Context ctx, int status, ErrorResponse error) {
        if (ctx.req().getContentLengthLong() > MAX_DISCARDED || ctx.header("Transfer-Encoding") != null) {
            // Perhaps not read to its end: Jetty then closes the connection, but does not announce it.
            ctx.header("Connection", "close");
        }
        ctx.status(status);
        page.of(ctx, status, error).ifPresentOrElse(html -> ctx.contentType(StaticFile.HTML).result(html),
                () -> ctx.contentType("application/json").result(json.text(error)));
    }
}
