package org.jobwitness.server.http;

import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.compression.Gzip;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import io.javalin.router.Endpoint;
import io.javalin.router.InternalRouter;
import io.javalin.security.Roles;
import io.javalin.util.JavalinBindException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.zip.Deflater;
import org.eclipse.jetty.http.HttpParser;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jobwitness.server.json.Json;

/** The HTTP listener: its limits, its timeouts and its routes. */
public final class HttpServer implements AutoCloseable {
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration IDLE_TIMEOUT = Duration.ofSeconds(60);
    private static final int MAX_HEADER_BYTES = 8 << 10;
    private static final int MAX_PLATFORM_THREADS = 32;
    /** Linux takes no more, unless net.core.somaxconn is raised. A connection that finds it full comes a second later, or never. */
    private static final int ACCEPT_QUEUE = 4096;

    /**
     * Jetty warns of every request with two Host headers, so that anybody could fill the log. Held here, since java.util.logging
     * forgets the level of a logger that nobody holds.
     */
    private static final Logger PARSER = Logger.getLogger(HttpParser.class.getName());

    private final Settings settings;
    private final Javalin javalin;
    private final Connections connections;

    /**
     * Limits and addresses of the listener.
     *
     * @param port 0 lets the system choose
     * @param requestDeadline how long a request may take to arrive in full
     * @param tls empty for plain HTTP
     */
    public record Settings(String host, int port, int maxConnections, Duration requestDeadline, Optional<Tls> tls) {
    }

    /**
     * Prepares the listener.
     *
     * @param memory of the requests
     * @param access admits or refuses each request that has a route
     * @param errors shows errors in browsers
     * @param routes of each feature
     */
    public HttpServer(Settings settings, Json json, RequestMemory memory, Handler access, ErrorPage errors,
            List<Consumer<RoutesConfig>> routes) {
        PARSER.setLevel(Level.SEVERE);
        this.settings = settings;
        connections = new Connections(settings.maxConnections(), settings.requestDeadline());
        memory.onShortage(connections::closeUnfinished);
        javalin = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.startup.startupWatcherEnabled = false;
            config.startup.showOldJavalinVersionWarning = false;
            config.jetty.threadPool = threads();
            config.http.prefer405over404 = true;
            config.router.ignoreTrailingSlashes = false;
            config.http.defaultContentType = "application/json";
            // A scrape of a large cluster is 90 MB: a higher level would take longer than everything else.
            config.http.compressionStrategy = new CompressionStrategy(null, new Gzip(Deflater.BEST_SPEED));
            config.jetty.modifyHttpConfiguration(http -> {
                http.setSendServerVersion(false);
                http.setRequestHeaderSize(MAX_HEADER_BYTES);
                // Of 105 KB for each connection, and no faster with it.
                http.setHeaderCacheSize(0);
            });
            config.jetty.modifyServer(server -> {
                server.setErrorHandler(new JettyErrors(json));
                server.setStopTimeout(STOP_TIMEOUT.toMillis());
            });
            config.jetty.addConnector((server, http) -> connector(server, http, memory));
            config.routes.before(CorrelationId::assign);
            config.routes.before(HttpServer::setHeaders);
            config.routes.before(Requests::checkMethod);
            config.routes.before(Requests::checkEncoding);
            config.routes.beforeMatched(access);
            routes.forEach(feature -> feature.accept(config.routes));
            new ErrorHandler(json, errors).routes(config.routes);
        });
        routeHeadAsGet(javalin.unsafe.internalRouter);
    }

    /**
     * Virtual threads for requests; the acceptor and the selectors have platform threads, since behind thousands of virtual ones
     * they would come late, and the kernel discards connections that wait to be accepted.
     */
    private static QueuedThreadPool threads() {
        QueuedThreadPool threads = new QueuedThreadPool(MAX_PLATFORM_THREADS);
        threads.setName("http");
        threads.setVirtualThreadsExecutor(
                Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("request-", 0).factory()));
        return threads;
    }

    /** Javalin's own connector is not available before it listens, so no limit could be set on it. */
    private ServerConnector connector(Server server, HttpConfiguration http, RequestMemory memory) {
        ConnectionFactory http11 = new CountingConnection.Factory(http, memory);
        ServerConnector connector = settings.tls()
                .map(tls -> new ServerConnector(server, tls.factory(), http11))
                .orElseGet(() -> new ServerConnector(server, http11));
        connector.setHost(settings.host());
        connector.setPort(settings.port());
        connector.setIdleTimeout(IDLE_TIMEOUT.toMillis());
        connector.setAcceptQueueSize(ACCEPT_QUEUE);
        connector.addBean(connections);
        return connector;
    }

    /** No browser guesses another type than ours, and no cache keeps what a token was needed for. */
    private static void setHeaders(Context ctx) {
        ctx.header("X-Content-Type-Options", "nosniff").header("Cache-Control", "no-store");
    }

    /** By default, Javalin responds 200 to every HEAD: a load balancer would never see that this server is not ready. */
    private static void routeHeadAsGet(InternalRouter router) {
        router.allHttpHandlers().stream().map(route -> route.endpoint).filter(get -> get.method.equals(HandlerType.GET))
                .toList().forEach(get -> {
                    Roles roles = get.metadata(Roles.class);
                    router.addHttpEndpoint(new Endpoint(HandlerType.HEAD, get.path, get.handler,
                            roles == null ? Set.of() : Set.of(roles)));
                });
    }

    /**
     * Starts to listen.
     *
     * @throws IOException if another program has the port, or the address is not one of this machine
     */
    public void start() throws IOException {
        try {
            javalin.start();
        } catch (JavalinBindException e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw new IOException("cannot listen on " + settings.host() + " port " + settings.port() + ": "
                    + cause.getMessage() + "; set HOST or PORT", e);
        }
    }

    public int port() {
        return javalin.port();
    }

    /** Every route, as {@code GET /v1/jobs/{id}}. */
    public List<String> routes() {
        return javalin.unsafe.internalRouter.allHttpHandlers().stream().map(route -> route.endpoint)
                .filter(endpoint -> endpoint.method.isHttpMethod())
                .map(endpoint -> endpoint.method.name() + " " + endpoint.path).toList();
    }

    /** Stops listening, and waits for running requests. */
    @Override
    public void close() {
        javalin.stop();
        connections.close();
    }
}
