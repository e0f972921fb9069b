package org.jobwitness.agent.ship;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.files.FileAccess;
import org.jobwitness.agent.log.Log;
import org.jobwitness.wire.TrustedCas;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests one after another, on one connection as long as the service keeps it. For the sending thread; {@link #abort} and
 * {@link #close} for any. There are timeouts to connect, for each read, and for the whole response.
 */
final class ServiceClient implements AutoCloseable {
    /** A connection buffers so much without the other end reading it: tcp_wmem's minimum is a page, its default 16 KiB. */
    private static final int SEND_BUFFER_BYTES = 16 << 10;
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]+=*");
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.RFC_1123_DATE_TIME;

    private final URI url;
    private final @Nullable ReloadedFile<String> token;
    private final @Nullable ReloadedFile<SSLSocketFactory> trustedCas;
    private final Timing timing;
    private final NodeClock clock;
    private final Log log;
    /** Ends a request that the other end does not read, for which sockets have no timeout. */
    private @Nullable Timer timer;
    private boolean isTokenUsable = true;
    private volatile @Nullable HttpConnection connection;

    ServiceClient(Destination destination, Timing timing, NodeClock clock, Log log) {
        this.url = destination.url();
        Path tokenFile = destination.tokenFile();
        this.token = tokenFile == null
                ? null
                : new ReloadedFile<>(tokenFile, content -> {
                    warnIfExposed(tokenFile);
                    return token(content);
                });
        Path caFile = destination.caFile();
        this.trustedCas = caFile == null ? null : new ReloadedFile<>(caFile, ServiceClient::trusting);
        this.timing = timing;
        this.clock = clock;
        this.log = log;
    }

    /**
     * Sends a request. If the connection turns out to be closed, as services do with idle ones, the request is sent again on a new one:
     * every request here may be sent twice.
     *
     * @throws IOException without a complete response in time
     */
    ServiceResponse post(String path, byte[] body, Map<String, String> headers) throws IOException {
        long deadline = clock.nanoTime() + timing.responseTimeout().toNanos();
        byte[] head = head(path, body.length, headers);
        TimerTask timeout = null;
        if (head.length + body.length > SEND_BUFFER_BYTES) {
            timeout = new TimerTask() {
                @Override
                public void run() {
                    abort();
                }
            };
            timer().schedule(timeout, timing.responseTimeout().toMillis());
        }
        try {
            HttpConnection kept = connection;
            if (kept != null && kept.isReusable()) {
                try {
                    return response(kept.send(head, body, deadline));
                } catch (HttpConnection.NoAnswerException e) {
                    kept.close();
                }
            }
            return response(connect().send(head, body, deadline));
        } catch (IOException | RuntimeException e) {
            abort();
            throw e instanceof IOException broken ? broken : new IOException("the request failed", e);
        } finally {
            if (timeout != null) {
                timeout.cancel();
            }
        }
    }

    /** Made when first needed, which it rarely is. */
    private synchronized Timer timer() {
        if (timer == null) {
            timer = new Timer("request-timeout", true);
        }
        return timer;
    }

    private static SSLSocketFactory trusting(byte[] pem) throws IOException {
        try {
            return TrustedCas.of(pem).tls().getSocketFactory();
        } catch (CertificateException e) {
            throw new IOException("the CA file holds no certificates", e);
        }
    }

    private HttpConnection connect() throws IOException {
        abort();
        SSLSocketFactory tls = null;
        if ("https".equalsIgnoreCase(url.getScheme())) {
            tls = trustedCas == null ? (SSLSocketFactory) SSLSocketFactory.getDefault() : trustedCas.get();
        }
        HttpConnection fresh;
        try {
            fresh = HttpConnection.open(url, tls, timing.connectTimeout(), timing.readTimeout(), clock);
        } catch (SSLException e) {
            throw new IOException(TrustedCas.inWords(e, "JOBWITNESS_CA_FILE"), e);
        }
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
        String value = readToken();
        if (value != null) {
            header(head, "Authorization", "Bearer " + value);
        }
        return head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** Control characters would end the header, or start another. */
    private static void header(StringBuilder head, String name, String value) {
        head.append(name).append(": ");
        value.chars().filter(c -> c >= ' ' && c < 127).forEach(c -> head.append((char) c));
        head.append("\r\n");
    }

    private ServiceResponse response(HttpConnection.Response response) {
        return new ServiceResponse(response.status(), retryAfter(response.headers().get("retry-after")),
                response.body());
    }

    private @Nullable String readToken() {
        if (token == null) {
            return null;
        }
        try {
            String value = token.get();
            isTokenUsable = true;
            return value;
        } catch (IOException e) {
            if (isTokenUsable) {
                isTokenUsable = false;
                log.warn("token_unusable cause=\"" + e + "\"; requests are sent without a token until it is usable");
            }
            return null;
        }
    }

    private void warnIfExposed(Path file) throws IOException {
        FileAccess.of(file.toRealPath()).exposure()
                .ifPresent(cause -> log.warn("token_exposed file=" + file + " cause=\"" + cause + "\""));
    }

    private static String token(byte[] content) throws IOException {
        String line = new String(content, StandardCharsets.UTF_8).lines().findFirst().orElse("").strip();
        if (!TOKEN.matcher(line).matches()) {
            throw new IOException("the token file's first line is not a token");
        }
        return line;
    }

    private Duration retryAfter(@Nullable String header) {
        if (header == null) {
            return Duration.ZERO;
        }
        try {
            if (header.matches("[0-9]{1,9}")) {
                return Duration.ofSeconds(Integer.parseInt(header));
            }
            Duration left = Duration.between(clock.instant(), HTTP_DATE.parse(header, Instant::from));
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeException e) {
            return Duration.ZERO;
        }
    }

    /** Ends the connection, and the request that is under way, if there is one. */
    void abort() {
        HttpConnection current = connection;
        if (current != null) {
            current.close();
        }
    }

    @Override
    public synchronized void close() {
        if (timer != null) {
            timer.cancel();
        }
        abort();
    }
}
