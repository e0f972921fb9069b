package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Reads the bodies of requests, within limits of their size and of the memory of all. */
final class Bodies implements AutoCloseable {
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_UNPACKED_BYTES = 8 << 20;
    private static final int GZIP_BUFFER = 8 << 10;
    /** The objects that a parser makes of a byte. */
    private static final int PARSED_BYTES_PER_BYTE = 6;
    /** A larger one takes so long to parse that other requests would wait for their carrier thread. */
    private static final int LARGE = 64 << 10;
    private static final int MAX_PARSERS = 4;
    private static final int FIRST_BUFFER = 1 << 10;

    private final RequestMemory memory;
    private final ExecutorService parsers = Executors.newFixedThreadPool(
            Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MAX_PARSERS),
            Thread.ofPlatform().name("parser-", 0).daemon().factory());

    Bodies(RequestMemory memory) {
        this.memory = memory;
    }

    /** Parses the body as it is. */
    <T> T plain(Context ctx, Function<byte[], T> parser) {
        RequestMemory.Reservation reserved = memory.of(ctx);
        return parse(read(ctx, reserved), parser, reserved);
    }

    /** Unpacks the body with gzip, and parses it. */
    <T> T packed(Context ctx, Function<byte[], T> parser) {
        RequestMemory.Reservation reserved = memory.of(ctx);
        return parse(unpack(read(ctx, reserved), reserved), parser, reserved);
    }

    private <T> T parse(byte[] body, Function<byte[], T> parser, RequestMemory.Reservation reserved) {
        reserved.grow(PARSED_BYTES_PER_BYTE * body.length);
        if (body.length < LARGE) {
            return parser.apply(body);
        }
        try {
            return CompletableFuture.supplyAsync(() -> parser.apply(body), parsers).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }

    private static byte[] read(Context ctx, RequestMemory.Reservation reserved) {
        if (ctx.req().getContentLengthLong() > MAX_BYTES) {
            throw tooLarge();
        }
        try (InputStream in = ctx.bodyInputStream()) {
            if (hasArrived(in, ctx)) {
                reserved.complete(); // it came with the headers, as small ones do
            }
            reserved.grow(RequestMemory.BYTES_PER_REQUEST, () -> hasArrived(in, ctx));
            byte[] body = read(in, MAX_BYTES + 1, reserved);
            reserved.complete();
            if (body.length > MAX_BYTES) {
                throw tooLarge();
            }
            if (body.length == 0) {
                throw ApiException.invalidRequest("the body is empty; send one JSON object");
            }
            return body;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean hasArrived(InputStream in, Context ctx) {
        try {
            return in.available() == ctx.req().getContentLengthLong();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] unpack(byte[] packed, RequestMemory.Reservation reserved) {
        try (InputStream in = new Unpacking(packed)) {
            byte[] body = read(in, MAX_UNPACKED_BYTES + 1, reserved);
            if (body.length > MAX_UNPACKED_BYTES) {
                throw ApiException.payloadTooLarge("the body unpacks to more than " + MAX_UNPACKED_BYTES + " bytes");
            }
            return body;
        } catch (IOException e) {
            throw ApiException.invalidRequest("the body is not gzip as its Content-Encoding says, or is cut off");
        }
    }

    /** Reserves what it reads as it reads it: what a client announces costs it nothing. */
    private static byte[] read(InputStream in, int max, RequestMemory.Reservation reserved) throws IOException {
        byte[] buffer = new byte[0];
        int length = 0;
        for (int count = 0; count >= 0 && length < max; length += Math.max(0, count)) {
            if (length == buffer.length) {
                int size = Math.clamp(2L * length, FIRST_BUFFER, max);
                reserved.grow(size - length);
                buffer = Arrays.copyOf(buffer, size);
            }
            count = in.read(buffer, length, buffer.length - length);
        }
        return length == buffer.length ? buffer : Arrays.copyOf(buffer, length);
    }

    private static ApiException tooLarge() {
        return ApiException.payloadTooLarge("the body is larger than " + MAX_BYTES + " bytes");
    }

    @Override
    public void close() {
        parsers.shutdownNow();
    }

    /** The superclass calls itself for each empty member of the archive, until its stack overflows. */
    private static final class Unpacking extends GZIPInputStream {
        private static final int MAX_EMPTY_MEMBERS = 16;
        private int depth;

        Unpacking(byte[] packed) throws IOException {
            super(new ByteArrayInputStream(packed), GZIP_BUFFER);
        }

        @Override
        public int read(byte[] into, int offset, int count) throws IOException {
            if (depth > MAX_EMPTY_MEMBERS) {
                throw new ZipException("more than " + MAX_EMPTY_MEMBERS + " empty members");
            }
            depth++;
            try {
                return super.read(into, offset, count);
            } finally {
                depth--;
            }
        }
    }
}
