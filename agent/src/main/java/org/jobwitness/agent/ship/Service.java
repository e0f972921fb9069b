package org.jobwitness.agent.ship;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
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
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * One request after the other, on one connection as long as the service keeps it. Used by the sending thread;
 * {@link #abort} and {@link #close} by any. What is waited for has an end: connecting, silence, and the answer as a whole.
 */
final class Service implements AutoCloseable {
    private static final int LARGEST_ANSWER = 256 << 10;
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]+=*");
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.RFC_1123_DATE_TIME;
    /** Java's own wait is 5 seconds, and so less than the time between two batches. */
    private static final String KEEP_CONNECTION_SECONDS = "120";

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
    private final @Nullable Reread<String> token;
    private final @Nullable Reread<SSLSocketFactory> authorities;
    private final Pace pace;
    private final InstantSource clock;
    private final Log log;
    /** Ends an answer that comes a byte at a time, which no timeout of a socket does. */
    private final Timer limits = new Timer("request-limit", true);
    private boolean isTokenUsable = true;
    private volatile @Nullable HttpURLConnection current;

    Service(Destination destination, Pace pace, InstantSource clock, Log log) {
        this.url = destination.url();
        Path tokenFile = destination.tokenFile();
        this.token = tokenFile == null ? null : new Reread<>(tokenFile, Service::token);
        Path caFile = destination.caFile();
        this.authorities = caFile == null ? null : new Reread<>(caFile, Service::trusting);
        this.pace = pace;
        this.clock = clock;
        this.log = log;
        // Of the whole process, and read by Java at its first request.
        System.setProperty("http.keepAlive.time.server", KEEP_CONNECTION_SECONDS);
        System.setProperty("http.KeepAlive.remainingData", "0");
        System.setProperty("sun.net.http.retryPost", "false");
    }

    /** @throws IOException without an answer in full and in time */
    Answer post(String path, byte[] body, Map<String, String> headers) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(url + path).toURL().openConnection();
        long deadline = System.nanoTime() + pace.answer().toNanos();
        TimerTask limit = new TimerTask() {
            @Override
            public void run() {
                connection.disconnect();
            }
        };
        boolean isDone = false;
        current = connection;
        try {
            limits.schedule(limit, pace.answer().toMillis());
            prepare(connection, body, headers);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
            int status = connection.getResponseCode();
            limit.cancel();
            if (status < 0) {
                throw new IOException("the answer is not HTTP");
            }
            Answer answer = new Answer(status, retryAfter(connection), text(connection, deadline));
            isDone = true;
            return answer;
        } catch (RuntimeException e) {
            // A connection that is closed under its user answers with anything.
            throw new IOException("the request broke off", e);
        } finally {
            current = null;
            limit.cancel();
            if (!isDone) {
                connection.disconnect();
            }
        }
    }

    private void prepare(HttpURLConnection connection, byte[] body, Map<String, String> headers) throws IOException {
        if (authorities != null && connection instanceof HttpsURLConnection tls) {
            tls.setSSLSocketFactory(authorities.get());
        }
        connection.setConnectTimeout((int) pace.connecting().toMillis());
        connection.setReadTimeout((int) pace.silence().toMillis());
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        connection.setDoOutput(true);
        connection.setRequestMethod("POST");
        // Also makes Java look whether a connection that it kept is still one, and never send twice by itself.
        connection.setFixedLengthStreamingMode(body.length);
        connection.setRequestProperty("Content-Type", "application/json");
        connection.setRequestProperty("Accept", "application/json");
        connection.setRequestProperty("User-Agent", "jobwitness-agent");
        connection.setRequestProperty("Date", HTTP_DATE.format(clock.instant().atOffset(ZoneOffset.UTC)));
        headers.forEach(connection::setRequestProperty);
        String usable = usableToken();
        if (usable != null) {
            connection.setRequestProperty("Authorization", "Bearer " + usable);
        }
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

    /** Read to its end, so that the connection can be used again. */
    private static String text(HttpURLConnection connection, long deadline) throws IOException {
        try (InputStream in = connection.getResponseCode() < 400
                ? connection.getInputStream()
                : connection.getErrorStream()) {
            if (in == null) {
                return "";
            }
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            byte[] some = new byte[8192];
            for (int read = in.read(some); read >= 0; read = in.read(some)) {
                text.write(some, 0, read);
                if (text.size() > LARGEST_ANSWER) {
                    throw new IOException("the answer is longer than " + LARGEST_ANSWER + " bytes");
                }
                if (System.nanoTime() - deadline > 0) {
                    throw new InterruptedIOException("the answer took too long");
                }
            }
            return text.toString(StandardCharsets.UTF_8);
        }
    }

    private Duration retryAfter(HttpURLConnection connection) {
        String asked = connection.getHeaderField("Retry-After");
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

    /** Ends the request that is under way, if there is one. */
    void abort() {
        HttpURLConnection connection = current;
        if (connection != null) {
            connection.disconnect();
        }
    }

    @Override
    public void close() {
        limits.cancel();
    }
}
