package org.jobwitness.agent.ship;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * One request after the other, on one connection as long as the service keeps it. Used by the sending thread;
 * {@link #abort} and {@link #close} by any. What is waited for has an end: connecting, silence, and the answer as a whole.
 */
final class ServiceClient implements AutoCloseable {
    /** What a fresh or idle connection takes at once, whatever its other end does: tcp_wmem's least is a page, its default 16 KiB. */
    private static final int SENT_WITHOUT_WAITING = 16 << 10;
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]+=*");
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.RFC_1123_DATE_TIME;

    /**
     * @param retryAfter what the answer asks for, zero if it does not
     * @param text of the answer, at least its beginning
     */
    record Answer(int status, Duration retryAfter, String text) {
        boolean isTaken() {
            return status >= 200 && status < 300;
        }

        /** It would be the same the next time. */
        boolean isRefused() {
            return switch (status) {
                case 400, 409, 413, 415, 422 -> true;
                default -> false;
            };
        }
    }

    private final URI url;
    private final @Nullable ReloadedFile<String> token;
    private final @Nullable ReloadedFile<SSLSocketFactory> authorities;
    private final Timing pace;
    private final InstantSource clock;
    private final Log log;
    /** Ends a request that is not read at the other end, which no timeout of a socket does. */
    private @Nullable Timer limits;
    private boolean isTokenUsable = true;
    private volatile @Nullable HttpConnection connection;

    ServiceClient(Destination destination, Timing pace, InstantSource clock, Log log) {
        this.url = destination.url();
        Path tokenFile = destination.tokenFile();
        this.token = tokenFile == null ? null : new ReloadedFile<>(tokenFile, ServiceClient::token);
        Path caFile = destination.caFile();
        this.authorities = caFile == null ? null : new ReloadedFile<>(caFile, ServiceClient::trusting);
        this.pace = pace;
        this.clock = clock;
        this.log = log;
    }

    /**
     * Sends a request. One that found the connection closed, as a service does with one that has rested, is sent once more on a new
     * one: all that is sent here may be sent twice.
     *
     * @throws IOException without an answer in full and in time
     */
    Answer post(String path, byte[] body, Map<String, String> headers) throws IOException {
        long deadline = System.nanoTime() + pace.answer().toNanos();
        byte[] head = head(path, body.length, headers);
        TimerTask limit = null;
        if (head.length + body.length > SENT_WITHOUT_WAITING) {
            limit = new TimerTask() {
                @Override
                public void run() {
                    abort();
                }
            };
            limits().schedule(limit, pace.answer().toMillis());
        }
        try {
            HttpConnection kept = connection;
            if (kept != null && kept.canTakeMore()) {
                try {
                    return answer(kept.send(head, body, deadline));
                } catch (HttpConnection.NoAnswerException e) {
                    kept.close();
                }
            }
            return answer(connect().send(head, body, deadline));
        } catch (IOException | RuntimeException e) {
            abort();
            throw e instanceof IOException broken ? broken : new IOException("the request broke off", e);
        } finally {
            if (limit != null) {
                limit.cancel();
            }
        }
    }

    /** Most agents never need it. */
    private synchronized Timer limits() {
        if (limits == null) {
            limits = new Timer("request-limit", true);
        }
        return limits;
    }

    private HttpConnection connect() throws IOException {
        abort();
        SSLSocketFactory tls = null;
        if ("https".equalsIgnoreCase(url.getScheme())) {
            tls = authorities == null ? (SSLSocketFactory) SSLSocketFactory.getDefault() : authorities.get();
        }
        HttpConnection fresh = HttpConnection.open(url, tls, pace.connecting(), pace.silence());
        connection = fresh;
        return fresh;
    }

    private byte[] head(String path, int length, Map<String, String> headers) {
        StringBuilder head = new StringBuilder(512);
        head.append("POST ").append(url.getRawPath()).append(path).append(" HTTP/1.1\r\n");
        header(head, "Host", url.getHost() + (url.getPort() < 0 ? "" : ":" + url.getPort()));
        header(head, "Content-Type", "application/json");
        header(head, "Content-Length", String.valueOf(length));
        header(head, "Accept", "application/json");
        header(head, "User-Agent", "jobwitness-agent");
        header(head, "Date", HTTP_DATE.format(clock.instant().atOffset(ZoneOffset.UTC)));
        headers.forEach((name, value) -> header(head, name, value));
        String usable = usableToken();
        if (usable != null) {
            header(head, "Authorization", "Bearer " + usable);
        }
        return head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** What is not printed would end the header, or begin another. */
    private static void header(StringBuilder head, String name, String value) {
        head.append(name).append(": ");
        value.chars().filter(c -> c >= ' ' && c < 127).forEach(c -> head.append((char) c));
        head.append("\r\n");
    }

    private Answer answer(HttpConnection.Response response) {
        return new Answer(response.status(), retryAfter(response.headers().get("retry-after")), response.body());
    }

    private @Nullable String usableToken() {
        if (token == null) {
            return null;
        }
        try {
            String usable = token.get();
            isTokenUsable = true;
            return usable;
        } catch (IOException e) {
            if (isTokenUsable) {
                isTokenUsable = false;
                log.warn("token_unusable cause=\"" + e + "\"; sent without one until it is usable");
            }
            return null;
        }
    }

    private static String token(byte[] content) throws IOException {
        String line = new String(content, StandardCharsets.UTF_8).lines().findFirst().orElse("").strip();
        if (!TOKEN.matcher(line).matches()) {
            throw new IOException("the token file's first line is not a token");
        }
        return line;
    }

    private static SSLSocketFactory trusting(byte[] certificates) throws IOException {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(certificates))) {
                store.setCertificateEntry(String.valueOf(number++), certificate);
            }
            if (number == 0) {
                throw new IOException("the CA file has no certificate");
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context.getSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new IOException("the CA file cannot be used", e);
        }
    }

    private Duration retryAfter(@Nullable String asked) {
        if (asked == null) {
            return Duration.ZERO;
        }
        try {
            if (asked.matches("[0-9]{1,9}")) {
                return Duration.ofSeconds(Integer.parseInt(asked));
            }
            Duration left = Duration.between(clock.instant(), HTTP_DATE.parse(asked, Instant::from));
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeException e) {
            return Duration.ZERO;
        }
    }

    /** Ends the connection, and the request that is under way on it, if there is one. */
    void abort() {
        HttpConnection ended = connection;
        if (ended != null) {
            ended.close();
        }
    }

    @Override
    public synchronized void close() {
        if (limits != null) {
            limits.cancel();
        }
        abort();
    }
}
