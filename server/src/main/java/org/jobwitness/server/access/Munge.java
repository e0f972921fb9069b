package org.jobwitness.server.access;

import java.io.EOFException;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.wire.MungeSocket;

/** Has munged decode credentials: it knows the site's key, and so which uid encoded one. Thread-safe. */
final class Munge {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    /** munged has two threads. */
    private static final int MAX_AT_ONCE = 8;
    private static final int EXPIRED = 15;
    private static final int REWOUND = 16;
    private static final int REPLAYED = 17;
    private static final int UNAUTHORIZED = 18;

    private final Path socket;
    private final Semaphore slots = new Semaphore(MAX_AT_ONCE);

    Munge(Path socket) {
        this.socket = socket;
    }

    /** What a valid credential says. */
    record Decoded(long uid, String payload, Instant encodedAt, Duration lifetime) {
    }

    /**
     * Decodes a credential, which then is used up.
     *
     * @throws ApiException 401 if it is not valid, 503 if munged does not answer
     */
    Decoded decode(String credential) {
        if (!tryAcquire()) {
            throw ApiException.tooManyRequests("too many people sign in at the same time; try again");
        }
        try {
            return decoded(ask(credential));
        } catch (EOFException | BufferUnderflowException e) {
            throw ApiException.unauthorized("the credential is not one of MUNGE, or was cut");
        } catch (IOException e) {
            throw ApiException.unavailable("MUNGE cannot check the credential: " + e.getMessage()
                    + "; munged must run where this server does");
        } finally {
            slots.release();
        }
    }

    private boolean tryAcquire() {
        try {
            return slots.tryAcquire(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private ByteBuffer ask(String credential) throws IOException {
        byte[] text = (credential + '\0').getBytes(StandardCharsets.UTF_8);
        ByteBuffer body = ByteBuffer.allocate(4 + text.length).putInt(text.length).put(text).flip();
        try {
            return MungeSocket.ask(socket, MungeSocket.DECODE, body, TIMEOUT);
        } catch (EOFException e) {
            throw e;
        } catch (IOException e) { // one more try: it may have been restarted, or busy
            return MungeSocket.ask(socket, MungeSocket.DECODE, body, TIMEOUT);
        }
    }

    private static Decoded decoded(ByteBuffer body) {
        int error = body.get() & 0xff;
        String message = text(body, body.get() & 0xff);
        if (error != 0) {
            throw ApiException.unauthorized(refusal(error, message));
        }
        body.get(); // cipher
        body.get(); // MAC
        body.get(); // compression
        text(body, body.get() & 0xff); // realm
        long lifetime = Integer.toUnsignedLong(body.getInt());
        text(body, body.get() & 0xff); // address
        Instant encodedAt = Instant.ofEpochSecond(Integer.toUnsignedLong(body.getInt()));
        body.getInt(); // time of decoding
        long uid = Integer.toUnsignedLong(body.getInt());
        body.getInt(); // gid
        body.getInt(); // uid that may decode it
        body.getInt(); // gid that may decode it
        return new Decoded(uid, text(body, body.getInt()), encodedAt, Duration.ofSeconds(lifetime));
    }

    private static String refusal(int error, String message) {
        return switch (error) {
            case EXPIRED -> "the credential has expired; if it is new, the clocks of this host and the server differ";
            case REWOUND -> "the credential is from the future; the clocks of this host and the server differ";
            case REPLAYED -> "the credential was used before; each counts once";
            case UNAUTHORIZED -> "the credential is for another program than this server";
            default -> "MUNGE does not accept the credential: "
                    + (message.isEmpty() ? "error " + error : message) + "; both hosts must have one munge.key";
        };
    }

    /** Without the NUL at its end. */
    private static String text(ByteBuffer body, int length) {
        if (length < 0 || length > body.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        body.get(bytes);
        int end = length > 0 && bytes[length - 1] == 0 ? length - 1 : length;
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }
}
