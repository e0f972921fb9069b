package org.jobwitness.server;

import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.access.AccessControl;
import org.jobwitness.server.access.Tokens;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.event.EventsEndpoint;
import org.jobwitness.server.http.HttpServer;
import org.jobwitness.server.http.Json;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.JobQueries;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.JobsEndpoint;
import org.jobwitness.server.metrics.JobMetrics;
import org.jobwitness.server.metrics.MetricsEndpoint;
import org.jobwitness.server.ops.HealthEndpoint;

/** The server: all its parts, in the order in which they need each other. */
final class Server implements AutoCloseable {
    private final Deque<AutoCloseable> started = new ArrayDeque<>();
    private final HttpServer http;

    Server(ServerConfig config) throws IOException {
        Clock clock = Clock.systemUTC();
        Json json = new Json();
        Requests requests = new Requests(json);
        PrometheusRegistry metrics = new PrometheusRegistry();
        JvmMetrics.builder().register(metrics);

        DatabaseAddress address = config.database().orElseThrow();
        Database database = stopLater(new Database(address, config.databaseConnections(), metrics));

        JobTable jobs = new JobTable(database, json, clock);
        JobQueries queries = new JobQueries(database, json, clock);
        JobMetrics jobMetrics = new JobMetrics(database, queries, clock);
        jobs.onChange(jobMetrics::count);
        AccessControl access = config.auth() ? AccessControl.by(Tokens.in(config.dataDir())) : AccessControl.off();

        http = stopLater(new HttpServer(
                new HttpServer.Settings(config.host(), config.port(), config.maxConnections(),
                        config.requestDeadline()),
                json, access,
                List.of(new HealthEndpoint(Map.of("database", database::trouble), json, clock, "dev")::routes,
                        new EventsEndpoint(jobs, requests, json, config.defaultCluster(), metrics)::routes,
                        new JobsEndpoint(queries, json)::routes, new MetricsEndpoint(jobMetrics, metrics)::routes)));
        database.start();
        http.start();
    }

    private <T extends AutoCloseable> T stopLater(T part) {
        started.push(part);
        return part;
    }

    int port() {
        return http.port();
    }

    @Override
    public void close() {
        while (!started.isEmpty()) {
            try {
                started.pop().close();
            } catch (Exception e) {
                System.err.println(e);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        ServerConfig config = ServerConfig.read(List.of(args), System.getenv(), Path.of(".env"));
        Server server = new Server(config);
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        System.out.println("listening " + server.port() + Optional.empty());
    }
}
