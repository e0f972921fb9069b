package org.jobwitness.cli.service;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import org.jobwitness.cli.service.Problem.Kind;
import org.jobwitness.wire.ErrorResponse;
import org.jobwitness.wire.SignedIn;
import org.jobwitness.wire.TrustedCas;
import org.jspecify.annotations.Nullable;

/** Calls the service's HTTP API. For use by one thread. */
public final class ServiceClient {
    private static final int MAX_BYTES = 64 << 20;

    private final ClientSettings settings;
    private final String version;
    private final RecordReader json = new RecordReader();
    /** Of the session, where no token is set; null before the user has signed in. */
    private @Nullable String sessionToken;
    /** Why the user could not sign in; null if that was not tried. */
    private @Nullable String signInProblem;

    /** A query parameter; one whose value is null is not sent. */
    public record Parameter(String name, @Nullable String value) {
    }

    /**
     * A client.
     *
     * @param version of this command, for the service's log
     */
    public ServiceClient(ClientSettings settings, String version) {
        this.settings = settings;
        this.version = version;
        this.sessionToken = settings.token().isPresent() ? null : settings.munge().keptToken().orElse(null);
    }

    public ClientSettings settings() {
        return settings;
    }

    /** Why the user could not sign in; empty if that was not tried, or was possible. */
    public Optional<String> signInProblem() {
        return Optional.ofNullable(signInProblem);
    }

    public <T extends Record> T read(Response response, Class<T> type) throws Problem {
        return json.read(response.body(), type);
    }

    public <T extends Record> T get(Class<T> type, String path, List<Parameter> parameters) throws Problem {
        return read(get(path, parameters), type);
    }

    /**
     * Sends a GET request.
     *
     * @param path such as {@code /v1/jobs}
     * @throws Problem for every status but 200
     */
    public Response get(String path, List<Parameter> parameters) throws Problem {
        Response response = send(path, parameters);
        if (response.status() == 200) {
            return response;
        }
        throw refusal(response);
    }

    /** Sends a GET request, and returns the response whatever its status is. */
    public Response send(String path, List<Parameter> parameters) throws Problem {
        StringBuilder target = new StringBuilder(settings.url().toString()).append(path);
        char before = '?';
        for (Parameter parameter : parameters) {
            if (parameter.value != null) {
                target.append(before).append(parameter.name).append('=').append(encoded(parameter.value));
                before = '&';
            }
        }
        return signedIn(new Request(URI.create(target.toString()), null, true));
    }

    /**
     * Sends a POST request.
     *
     * @param body JSON
     * @throws Problem for every status but 200 and 201
     */
    public Response post(String path, String body) throws Problem {
        Response response = signedIn(new Request(URI.create(settings.url() + path), body, true));
        if (response.status() == 200 || response.status() == 201) {
            return response;
        }
        throw refusal(response);
    }

    private Response signedIn(Request request) throws Problem {
        Response response = withinTime(request);
        return response.status() == 401 && settings.token().isEmpty() && signIn() ? withinTime(request) : response;
    }

    /** @param body JSON to be posted; null for a GET */
    private record Request(URI target, @Nullable String body, boolean hasToken) {
    }

    /** Signs in by MUNGE, else by the token for Slurm, and returns whether that was possible. */
    private boolean signIn() throws Problem {
        sessionToken = null;
        return signInByMunge() || signInBySlurmToken();
    }

    private boolean signInByMunge() throws Problem {
        String credential;
        try {
            credential = settings.munge().credential();
        } catch (IOException e) {
            signInProblem = "MUNGE (" + settings.munge().socket() + ") gives none: " + e.getMessage();
            return false;
        }
        Response response = withinTime(new Request(URI.create(settings.url() + "/v1/sessions"),
                "{\"munge_credential\":\"" + credential.replaceAll("[^A-Za-z0-9+/=:_-]", "") + "\"}", false));
        if (response.status() != 201) {
            signInProblem = "the service does not take what MUNGE says: " + message(response);
            return false;
        }
        String token = json.read(response.body(), SignedIn.class).token();
        sessionToken = token;
        settings.munge().keep(token);
        return true;
    }

    /** Its session is not kept: another shell may have the token of somebody else, or none. */
    private boolean signInBySlurmToken() throws Problem {
        String token = settings.slurmToken().orElse(null);
        if (token == null) {
            return false;
        }
        if (!settings.isPrivate()) {
            signInProblem += ", and SLURM_JWT is sent over https only";
            return false;
        }
        Response response = withinTime(new Request(URI.create(settings.url() + "/v1/sessions/slurm"),
                "{\"slurm_token\":\"" + token + "\"}", false));
        if (response.status() != 201) {
            signInProblem += ", and the service does not take SLURM_JWT: " + message(response);
            return false;
        }
        sessionToken = json.read(response.body(), SignedIn.class).token();
        return true;
    }

    private String message(Response response) {
        ErrorResponse error = json.error(response.body());
        return error == null ? "HTTP status " + response.status() : error.message();
    }

    /** For use in a path or a query. */
    public static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** On a thread of its own, since no other timeout covers a name server that hangs, or a response that comes byte by byte. */
    private Response withinTime(Request request) throws Problem {
        SSLSocketFactory trusted = trusted();
        FutureTask<Response> call = new FutureTask<>(() -> call(request, trusted));
        Thread.ofPlatform().daemon().name("call").start(call);
        try {
            return call.get(settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw unavailable("no response within " + seconds(settings.timeout()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unavailable("interrupted");
        } catch (ExecutionException e) {
            throw unavailable(e.getCause());
        }
    }

    /** Null for what Java trusts by itself. */
    private @Nullable SSLSocketFactory trusted() throws Problem {
        Path file = settings.caFile().orElse(null);
        if (file == null || !"https".equals(settings.url().getScheme())) {
            return null;
        }
        try {
            return TrustedCas.read(file).tls().getSocketFactory();
        } catch (IOException e) {
            throw new Problem(Kind.USAGE, "JOBWITNESS_CA_FILE: " + (Files.notExists(file)
                    ? file + " does not exist"
                    : Files.isReadable(file) ? e.getMessage() : file + " cannot be read: permission denied"));
        }
    }

    private Response call(Request request, @Nullable SSLSocketFactory trusted) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) request.target.toURL().openConnection();
        if (connection instanceof HttpsURLConnection https && trusted != null) {
            https.setSSLSocketFactory(trusted);
        }
        int timeoutMillis = (int) settings.timeout().toMillis();
        connection.setConnectTimeout(timeoutMillis);
        connection.setReadTimeout(timeoutMillis);
        // The token is for the configured address only.
        connection.setInstanceFollowRedirects(false);
        connection.setRequestProperty("Accept", "application/json");
        connection.setRequestProperty("User-Agent", "jobwitness/" + version);
        String token = settings.token().map(ClientSettings.Token::value).orElse(sessionToken);
        if (token != null && request.hasToken) {
            connection.setRequestProperty("Authorization", "Bearer " + token);
        }
        if (request.body != null) {
            byte[] body = request.body.getBytes(StandardCharsets.UTF_8);
            connection.setDoOutput(true);
            // Not streamed: of a 401 to a streamed body, Java keeps only the status, and not why.
            connection.setRequestProperty("Content-Type", "application/json");
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
        }
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return new Response(status, body == null ? "" : read(body), connection.getHeaderField("Link"),
                    connection.getHeaderField("X-Total-Rows"));
        }
    }

    private static String read(InputStream body) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        byte[] some = new byte[16384];
        for (int count = body.read(some); count >= 0; count = body.read(some)) {
            read.write(some, 0, count);
            if (read.size() > MAX_BYTES) {
                throw new IOException("the response is larger than " + MAX_BYTES + " bytes");
            }
        }
        return read.toString(StandardCharsets.UTF_8);
    }

    private Problem unavailable(@Nullable Throwable cause) {
        return switch (cause) {
            case UnknownHostException _ -> unavailable("host " + settings.url().getHost() + " is unknown");
            case SocketTimeoutException _ -> unavailable("no response within " + seconds(settings.timeout()));
            case ConnectException refused -> unavailable(String.valueOf(refused.getMessage()));
            case SSLException tls -> unavailable(TrustedCas.inWords(tls, "JOBWITNESS_CA_FILE"));
            case SocketException broken -> unavailable("the connection was closed without a response ("
                    + broken.getMessage() + "); a server with TLS wants an address that begins with https");
            case null, default -> unavailable(String.valueOf(cause));
        };
    }

    private Problem unavailable(String why) {
        return new Problem(Kind.UNAVAILABLE, "the service at " + settings.where() + " cannot be reached: " + why,
                "Is the address right (--url, JOBWITNESS_URL)? jobwitness doctor checks further");
    }

    private static String seconds(Duration time) {
        return time.toMillis() / 1000.0 + " s";
    }

    private Problem refusal(Response response) {
        ErrorResponse error = json.error(response.body());
        String message = error == null ? "HTTP status " + response.status() : error.message();
        return switch (response.status()) {
            case 404 -> error == null
                    ? new Problem(Kind.UNAVAILABLE,
                            "the server at " + settings.where() + " is not the service: " + message
                                    + ". Is the address right (--url, JOBWITNESS_URL)?")
                    : new Problem(Kind.NOT_FOUND, message);
            case 400 -> new Problem(Kind.USAGE, message);
            case 401 -> new Problem(Kind.DENIED, settings.token()
                    .map(token -> "the service rejects " + token
                            + "; ask your administrator for a valid token")
                    .orElse("the service requires a token, and " + signInProblem
                            + ". Else name the file of a token with"
                            + " --token-file or JOBWITNESS_TOKEN_FILE, or put it into ~/.config/jobwitness/token"));
            case 403 -> new Problem(Kind.DENIED, settings.token().map(token -> token + " may not do this: ").orElse("")
                    + message);
            default ->
                new Problem(Kind.UNAVAILABLE, "the service at " + settings.url() + " cannot respond now: " + message);
        };
    }
}
