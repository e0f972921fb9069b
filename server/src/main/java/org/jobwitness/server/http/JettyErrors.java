package org.jobwitness.server.http;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.ErrorResponse;
import org.jspecify.annotations.Nullable;

/** Errors of Jetty itself, before any route is reached, such as a header that is too large: as the same error JSON. */
final class JettyErrors extends ErrorHandler {
    private final Json json;

    JettyErrors(Json json) {
        this.json = json;
    }

    @Override
    public boolean errorPageForMethod(String method) {
        return true;
    }

    @Override
    protected void generateResponse(Request request, Response response, int status, String reason,
            @Nullable Throwable cause, Callback callback) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put("X-Content-Type-Options", "nosniff");
        response.getHeaders().put(CorrelationId.HEADER,
                CorrelationId.validOrNew(request.getHeaders().get(CorrelationId.HEADER)));
        // Jetty closes the connection after a request that it cannot read, but does not announce it.
        response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE);
        if (request.getMethod().equals("HEAD")) {
            response.write(true, null, callback);
            return;
        }
        response.write(true, ByteBuffer.wrap(json.text(error(status, reason)).getBytes(StandardCharsets.UTF_8)),
                callback);
    }

    private static ErrorResponse error(int status, String reason) {
        return switch (status) {
            case HttpStatus.INTERNAL_SERVER_ERROR_500 ->
                new ErrorResponse("internal_error", "the server failed; see its log", null);
            case HttpStatus.SERVICE_UNAVAILABLE_503 ->
                new ErrorResponse("unavailable", "the server is stopping or overloaded; send it again later", null);
            case HttpStatus.NOT_FOUND_404 ->
                new ErrorResponse("not_found", "there is nothing there; /docs lists what there is", null);
            default -> new ErrorResponse("invalid_request", "the request is not HTTP as it can be read here: " + reason,
                    null);
        };
    }
}
