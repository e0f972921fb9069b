package org.jobwitness.cli.service;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.wire.ErrorResponse;
import org.jspecify.annotations.Nullable;

/** The service's HTTP API. Used by one thread. */
public final class Service {
    private static final int LARGEST = 64 << 20;

    private final Settings settings;
    private final String version;
    private final Json json = new Json();

    /** A query parameter; one whose value is null is not sent. */
    public record Parameter(String name, @Nullable String value) {
    }

    /**
     * Made with where it is.
     *
     * @param version of this command, for the service's log
     */
    public Service(Settings settings, String version) {
        this.settings = settings;
        this.version = version;
    }

    public Settings settings() {
        return settings;
    }

    public <T extends Record> T read(Answer answer, Class<T> type) throws Problem {
        return json.read(answer.body(), type);
    }

    public <T extends Record> T get(Class<T> type, String path, List<Parameter> parameters) throws Problem {
        return read(get(path, parameters), type);
    }

    /**
     * Asks, and answers what was found.
     *
     * @param path such as {@code /v1/jobs}
     * @throws Problem for every answer that is not a success
     */
    public Answer get(String path, List<Parameter> parameters) throws Problem {
        Answer answer = ask(path, parameters);
        if (answer.status() == 200) {
            return answer;
        }
        throw refusal(answer);
    }

    /** Asks, and answers whatever the status is. */
    public Answer ask(String path, List<Parameter> parameters) throws Problem {
        StringBuilder target = new StringBuilder(settings.url().toString()).append(path);
        char before = '?';
        for (Parameter parameter : parameters) {
            if (parameter.value != null) {
                target.append(before).append(parameter.name).append('=').append(encoded(parameter.value));
                before = '&';
            }
        }
        return withinTime(URI.create(target.toString()));
    }

    /** A part of a path. */
    public static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** On a thread of its own, since nothing else ends a name server that hangs, or an answer that comes byte by byte. */
    private Answer withinTime(URI target) throws Problem {
        FutureTask<Answer> call = new FutureTask<>(() -> call(target));
        Thread.ofPlatform().daemon().name("call").start(call);
        try {
            return call.get(settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw away("no answer within " + seconds(settings.timeout()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw away("interrupted");
        } catch (ExecutionException e) {
            throw why(e.getCause());
        }
    }

    private Answer call(URI target) throws IOException, GeneralSecurityException {
        HttpURLConnection connection = (HttpURLConnection) target.toURL().openConnection();
        if (connection instanceof HttpsURLConnection https && settings.caFile().isPresent()) {
            https.setSSLSocketFactory(trusting(settings.caFile().get()));
        }
        int patience = (int) settings.timeout().toMillis();
        connection.setConnectTimeout(patience);
        connection.setReadTimeout(patience);
        // A token goes to the address that was set, and to no other.
        connection.setInstanceFollowRedirects(false);
        connection.setRequestProperty("Accept", "application/json");
        connection.setRequestProperty("User-Agent", "jobwitness/" + version);
        settings.token().ifPresent(
                token -> connection.setRequestProperty("Authorization", "Bearer " + token.value()));
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return new Answer(status, body == null ? "" : read(body));
        }
    }

    private static String read(InputStream body) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        byte[] some = new byte[16384];
        for (int count = body.read(some); count >= 0; count = body.read(some)) {
            read.write(some, 0, count);
            if (read.size() > LARGEST) {
                throw new IOException("the answer is larger than " + LARGEST + " bytes");
            }
        }
        return read.toString(StandardCharsets.UTF_8);
    }

    private static SSLSocketFactory trusting(Path caFile) throws IOException, GeneralSecurityException {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream in = Files.newInputStream(caFile)) {
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                trusted.setCertificateEntry(Integer.toString(number++), certificate);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    private Problem why(@Nullable Throwable cause) {
        return switch (cause) {
            case UnknownHostException _ -> away("the name " + settings.url().getHost() + " is not known");
            case SocketTimeoutException _ -> away("no answer within " + seconds(settings.timeout()));
            case ConnectException refused -> away(String.valueOf(refused.getMessage()));
            case SSLException tls -> away("its certificate or TLS is not accepted (" + tls.getMessage()
                    + "); JOBWITNESS_CA_FILE names the certificates to trust");
            case null, default -> away(String.valueOf(cause));
        };
    }

    private Problem away(String why) {
        return new Problem(Kind.AWAY, "the service at " + settings.where() + " cannot be asked: " + why,
                "Is the address right (--url, JOBWITNESS_URL)? jobwitness doctor looks further");
    }

    private static String seconds(Duration time) {
        return time.toMillis() / 1000.0 + " s";
    }

    private Problem refusal(Answer answer) {
        ErrorResponse error = json.error(answer.body());
        String said = error == null ? "HTTP status " + answer.status() : error.message();
        return switch (answer.status()) {
            case 404 -> error == null
                    ? new Problem(Kind.AWAY, "what answers at " + settings.where() + " is not the service: " + said
                            + ". Is the address right (--url, JOBWITNESS_URL)?")
                    : new Problem(Kind.NOT_FOUND, said);
            case 400 -> new Problem(Kind.USAGE, said);
            case 401 -> new Problem(Kind.REFUSED, settings.token()
                    .map(token -> "the service does not know " + token
                            + "; ask your administrator for a token that is valid")
                    .orElse("the service wants a token: name its file with --token-file or JOBWITNESS_TOKEN_FILE,"
                            + " or put it into ~/.config/jobwitness/token"));
            case 403 -> new Problem(Kind.REFUSED, settings.token().map(token -> token + " may not do this: ").orElse("")
                    + said);
            default -> new Problem(Kind.AWAY, "the service at " + settings.url() + " cannot answer now: " + said);
        };
    }
}
