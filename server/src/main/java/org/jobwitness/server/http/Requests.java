package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jobwitness.server.json.Accepted;
import org.jobwitness.server.json.InvalidJsonException;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Leniency;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.json.Timestamps;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobId;
import org.jspecify.annotations.Nullable;

/** Reads the JSON body and the query parameters of a request. What is wrong is an error, never guessed. */
public final class Requests implements AutoCloseable {
    private static final int MAX_FORM_BYTES = 4 << 10;

    private final Json json;
    private final Bodies bodies;

    public Requests(Json json, RequestMemory memory) {
        this.json = json;
        bodies = new Bodies(memory);
    }

    /**
     * The body as one JSON object of the given type. Its type is read from the header: Jetty's own way fails for a charset
     * that Java does not know.
     *
     * @throws ApiException 400, 413 or 415
     */
    public <T> T body(Context ctx, Class<T> type) {
        return plain(ctx, bytes -> json.read(bytes, type));
    }

    private <T> T plain(Context ctx, Function<byte[], T> parser) {
        checkIsJson(ctx);
        if (ctx.header("Content-Encoding") != null) {
            throw ApiException.unsupportedMediaType("Content-Encoding is not accepted here; send the body as it is");
        }
        return invalidAsError(() -> bodies.plain(ctx, parser));
    }

    /**
     * The same for a message of a node: what cannot be taken of it is left out, as far as the leniency allows.
     *
     * @throws ApiException 400, 413 or 415
     */
    public <T> Accepted<T> body(Context ctx, Leniency<T> leniency) {
        return plain(ctx, bytes -> json.read(bytes, leniency));
    }

    private static <T> T invalidAsError(Supplier<T> body) {
        try {
            return body.get();
        } catch (InvalidJsonException e) {
            throw e.field().map(field -> ApiException.invalidField(field, e.message()))
                    .orElseGet(() -> ApiException.invalidRequest(e.message()));
        }
    }

    private static void checkIsJson(Context ctx) {
        String contentType = ctx.header("Content-Type");
        if (contentType == null || !contentType.strip().toLowerCase(Locale.ROOT)
                .matches("application/json\\s*(;\\s*charset=\"?utf-8\"?\\s*)?")) {
            throw ApiException.unsupportedMediaType(
                    "Content-Type must be application/json, was "
                            + (contentType == null ? "missing" : Printable.shown(contentType)));
        }
    }

    /**
     * The same for a body that may be compressed with gzip. Its uncompressed size is limited, too.
     *
     * @throws ApiException 400, 413 or 415
     */
    public <T> Accepted<T> packedBody(Context ctx, Leniency<T> leniency) {
        checkIsJson(ctx);
        String encoding = ctx.header("Content-Encoding");
        if (encoding == null) {
            return invalidAsError(() -> bodies.plain(ctx, bytes -> json.read(bytes, leniency)));
        }
        if (!encoding.strip().equalsIgnoreCase("gzip")) {
            throw ApiException
                    .unsupportedMediaType("Content-Encoding must be gzip, or none, was " + Printable.shown(encoding));
        }
        return invalidAsError(() -> bodies.packed(ctx, bytes -> json.read(bytes, leniency)));
    }

    /** Refuses a body where none is read: its sender expects an effect. */
    public static void noBody(Context ctx) {
        try (InputStream in = ctx.bodyInputStream()) {
            if (in.read() >= 0) {
                throw ApiException.invalidRequest("a " + ctx.method() + " of " + Printable.shown(ctx.path())
                        + " takes no body; say by the path and its parameters what is meant");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Refuses a path or query that is not percent-encoded UTF-8: decoded somehow, it would mean something else. */
    static void checkEncoding(Context ctx) {
        checkEncoding("path", ctx.path());
        checkEncoding("query", ctx.queryString());
    }

    private static void checkEncoding(String part, @Nullable String text) {
        if (text == null) {
            return;
        }
        try {
            ByteBuffer bytes = ByteBuffer
                    .wrap(URLDecoder.decode(text, StandardCharsets.ISO_8859_1).getBytes(StandardCharsets.ISO_8859_1));
            StandardCharsets.UTF_8.newDecoder().decode(bytes);
        } catch (IllegalArgumentException | CharacterCodingException e) {
            throw ApiException.invalidRequest(
                    "the " + part + " must be UTF-8 in percent encoding, was " + Printable.shown(text));
        }
    }

    /** Refuses the header by which Javalin overrides the method: a proxy that allows GET must not let a DELETE through. */
    static void checkMethod(Context ctx) {
        if (ctx.header("X-HTTP-Method-Override") != null) {
            throw ApiException
                    .invalidRequest("X-HTTP-Method-Override is not taken here; send the request with that method");
        }
    }

    /** Refuses unknown parameters: if a misspelled filter were ignored, the response would hold too much. */
    public static void onlyParameters(Context ctx, Set<String> known) {
        for (String name : ctx.queryParamMap().keySet()) {
            if (!known.contains(name)) {
                throw ApiException.invalidField(Printable.shown(name),
                        Printable.shown(name) + " is not a parameter here; "
                                + (known.isEmpty()
                                        ? "this takes no parameters"
                                        : "this takes " + known.stream().sorted().collect(Collectors.joining(", "))));
            }
        }
    }

    /** A query parameter, if it was sent; twice is an error. */
    public static Optional<String> parameter(Context ctx, String name) {
        var values = ctx.queryParams(name);
        if (values.size() > 1) {
            throw ApiException.invalidField(name, name + " was given " + values.size() + " times; give it once");
        }
        return values.stream().findFirst();
    }

    public static int number(Context ctx, String name, int byDefault, int min, int max) {
        String text = parameter(ctx, name).orElse(null);
        if (text == null) {
            return byDefault;
        }
        if (text.matches("[0-9]{1,9}")) {
            int number = Integer.parseInt(text);
            if (number >= min && number <= max) {
                return number;
            }
        }
        throw ApiException.invalidField(name,
                name + " must be " + min + ".." + max + ", was " + Printable.shown(text));
    }

    /** Whether the body is one that a form of a page sends. */
    public static boolean isForm(Context ctx) {
        String type = ctx.header("Content-Type");
        return type != null && type.strip().toLowerCase(Locale.ROOT)
                .matches("application/x-www-form-urlencoded\\s*(;\\s*charset=\"?utf-8\"?\\s*)?");
    }

    /**
     * A field of a form.
     *
     * @throws ApiException 413 if the form is larger than ours are, 415 if it is none
     */
    public static Optional<String> form(Context ctx, String field) {
        if (!isForm(ctx)) {
            throw ApiException.unsupportedMediaType("Content-Type must be application/x-www-form-urlencoded");
        }
        long length = ctx.req().getContentLengthLong();
        if (length < 0 || length > MAX_FORM_BYTES) {
            throw ApiException.payloadTooLarge("a form must have a Content-Length of at most " + MAX_FORM_BYTES);
        }
        return Optional.ofNullable(ctx.formParam(field));
    }

    /** The path's {@code {id}}, normalized. */
    public static String jobId(Context ctx) {
        try {
            return JobId.of("id", ctx.pathParam("id"));
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField("id", String.valueOf(e.getMessage()));
        }
    }

    /** The path's {@code {id}}, normalized, in any form that a recorded job is found by. */
    public static String askedJobId(Context ctx) {
        return askedJobId("id", ctx.pathParam("id"));
    }

    /** The same of a parameter; null if it was not sent. */
    public static @Nullable String askedJobId(Context ctx, String name) {
        return parameter(ctx, name).map(id -> askedJobId(name, id)).orElse(null);
    }

    private static String askedJobId(String name, String id) {
        try {
            return JobId.asked(name, id);
        } catch (InvalidFieldException e) {
            throw ApiException.invalidField(name, String.valueOf(e.getMessage()));
        }
    }

    /** Plain text; null if it was not sent. */
    public static @Nullable String text(Context ctx, String name) {
        String text = parameter(ctx, name).orElse(null);
        if (text == null) {
            return null;
        }
        if (text.isEmpty() || text.length() > 256 || text.codePoints().anyMatch(Character::isISOControl)) {
            throw ApiException.invalidField(name, name + " must be 1 to 256 characters without control characters");
        }
        return text;
    }

    /** An RFC 3339 time; null if it was not sent. */
    public static @Nullable Instant time(Context ctx, String name) {
        String text = parameter(ctx, name).orElse(null);
        if (text == null) {
            return null;
        }
        try {
            Instant time = Timestamps.parse(text);
            if (time.getEpochSecond() >= 0 && time.isBefore(Instant.parse("2200-01-01T00:00:00Z"))) {
                return time;
            }
        } catch (DateTimeException e) {
            // The same error as for a time out of bounds.
        }
        throw ApiException.invalidField(name,
                name + " must be an RFC 3339 time between 1970 and 2200, such as 2026-11-22T21:34:10Z, was "
                        + Printable.shown(text));
    }

    @Override
    public void close() {
        bodies.close();
    }
}
