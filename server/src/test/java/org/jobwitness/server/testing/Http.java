package org.jobwitness.server.testing;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.jobwitness.server.access.Role;

/**
 * Plain HTTP to a server that may be there or not: no answer in time is an IOException.
 *
 * @param token none for a caller who shows none
 */
public record Http(int port, Optional<String> token) {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE).build();

    public static Http anonymous(int port) {
        return new Http(port, Optional.empty());
    }

    /** The caller with the token that the server wrote for a role. */
    public static Http as(Role role, int port, Path dataDir) throws IOException {
        return new Http(port,
                Optional.of(
                        Files.readString(dataDir.resolve(role.name().toLowerCase(Locale.ROOT) + ".token")).strip()));
    }

    public HttpResponse<String> get(String target, String... headers) throws IOException {
        return send(request(target, headers).GET());
    }

    public HttpResponse<String> post(String target, String json) throws IOException {
        return send(request(target, "Content-Type", "application/json").POST(BodyPublishers.ofString(json)));
    }

    /** A job begins on one node, of which nobody has heard before. */
    public HttpResponse<String> postStart(String jobId) throws IOException {
        return post("/v1/events/job-started", """
                {"job_id": "%s", "user": "ada", "node_list": ["n1"]}""".formatted(jobId));
    }

    private HttpRequest.Builder request(String target, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + target))
                .timeout(PATIENCE);
        token.ifPresent(text -> request.header("Authorization", "Bearer " + text));
        return headers.length == 0 ? request : request.headers(headers);
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws IOException {
        try {
            return CLIENT.send(request.build(), BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
