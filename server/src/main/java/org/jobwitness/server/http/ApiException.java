package org.jobwitness.server.http;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An error of the API, with its HTTP status: becomes the error JSON. */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final transient @Nullable Map<String, String> details;

    private ApiException(int status, String code, String message, @Nullable Map<String, String> details) {
        super(message);
        this.status = status;
        this.code = code;
        this.details = details;
    }

    /** 400: the request as a whole cannot be read. */
    public static ApiException invalidRequest(String message) {
        return new ApiException(400, "invalid_request", message, null);
    }

    /** 400: one field or parameter is wrong. */
    public static ApiException invalidField(String field, String message) {
        return new ApiException(400, "validation_error", message, Map.of("field", field));
    }

    public static ApiException unauthorized(String message) {
        return new ApiException(401, "unauthorized", message, null);
    }

    public static ApiException forbidden(String message) {
        return new ApiException(403, "forbidden", message, null);
    }

    public static ApiException notFound(String message) {
        return new ApiException(404, "not_found", message, null);
    }

    /** 409: the stored state does not allow it. */
    public static ApiException conflict(String message) {
        return new ApiException(409, "conflict", message, null);
    }

    /** 429, with a Retry-After. */
    public static ApiException tooManyRequests(String message) {
        return new ApiException(429, "too_many_requests", message, null);
    }

    /** 503, with a Retry-After. */
    public static ApiException unavailable(String message) {
        return new ApiException(503, "unavailable", message, null);
    }

    public static ApiException payloadTooLarge(String message) {
        return new ApiException(413, "payload_too_large", message, null);
    }

    static ApiException unsupportedMediaType(String message) {
        return new ApiException(415, "unsupported_media_type", message, null);
    }

    public int status() {
        return status;
    }

    String code() {
        return code;
    }

    @Nullable
    Map<String, String> details() {
        return details;
    }
}
