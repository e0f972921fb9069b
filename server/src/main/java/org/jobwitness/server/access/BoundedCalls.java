package org.jobwitness.server.access;

import com.nimbusds.jose.util.Resource;
import com.nimbusds.jose.util.ResourceRetriever;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPRequestSender;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.http.ReadOnlyHTTPRequest;
import com.nimbusds.oauth2.sdk.http.ReadOnlyHTTPResponse;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jobwitness.wire.TrustedCas;
import org.jspecify.annotations.Nullable;

/**
 * Calls to a server that vouches for people. Each ends in time, however slowly the response comes, which is of a limited size; no
 * redirect is followed. Thread-safe.
 */
final class BoundedCalls implements HTTPRequestSender, ResourceRetriever, AutoCloseable {
    private static final int MAX_BYTES = 1 << 20;

    private final HttpClient client;
    private final Duration timeout;
    private final String caSetting;

    /**
     * Calls with a timeout for each.
     *
     * @param trusted CAs; empty for those of Java
     * @param caSetting the setting that names them
     */
    BoundedCalls(Optional<TrustedCas> trusted, String caSetting, Duration timeout) {
        HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(timeout)
                .version(HttpClient.Version.HTTP_1_1).followRedirects(HttpClient.Redirect.NEVER);
        trusted.ifPresent(cas -> builder.sslContext(cas.tls()));
        this.client = builder.build();
        this.timeout = timeout;
        this.caSetting = caSetting;
    }

    /** The body of a response with status 200. */
    String get(URI address) throws IOException {
        HttpResponse<String> response = send(HttpRequest.newBuilder(address).header("Accept", "application/json"));
        if (response.statusCode() != 200) {
            throw new IOException("status " + response.statusCode());
        }
        return response.body();
    }

    @Override
    public Resource retrieveResource(URL address) throws IOException {
        try {
            return new Resource(get(address.toURI()), null);
        } catch (URISyntaxException e) {
            throw new IOException("no address: " + address, e);
        }
    }

    @Override
    public ReadOnlyHTTPResponse send(ReadOnlyHTTPRequest request) throws IOException {
        HttpRequest.Builder builder = HttpRequest.newBuilder(request.getURI()).method(request.getMethod().name(),
                request.getMethod() == HTTPRequest.Method.GET
                        ? BodyPublishers.noBody()
                        : BodyPublishers.ofString(Objects.requireNonNullElse(request.getBody(), "")));
        request.getHeaderMap().forEach((name, values) -> values.forEach(value -> builder.header(name, value)));
        HttpResponse<String> response = send(builder);
        HTTPResponse read = new HTTPResponse(response.statusCode());
        response.headers().firstValue("Content-Type").ifPresent(type -> read.setHeader("Content-Type", type));
        read.setBody(response.body());
        return read;
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException {
        CompletableFuture<HttpResponse<String>> call = client.sendAsync(request.build(),
                BodyHandlers.limiting(BodyHandlers.ofString(StandardCharsets.UTF_8), MAX_BYTES));
        try {
            return call.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("no response within " + timeout.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException();
        } catch (ExecutionException e) {
            throw new IOException(inWords(e.getCause()), e);
        } finally {
            call.cancel(true);
        }
    }

    /** Java's own message is missing, or the name of a class, for some. */
    private String inWords(@Nullable Throwable cause) {
        return switch (cause) {
            case ConnectException _ -> "connection refused or host unreachable";
            case SSLException refused -> TrustedCas.inWords(refused, caSetting);
            case null -> "the connection broke off";
            default -> Objects.requireNonNullElse(cause.getMessage(), "the connection broke off");
        };
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
