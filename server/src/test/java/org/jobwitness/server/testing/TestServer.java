package org.jobwitness.server.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import org.jobwitness.server.ServerInProcess;
import org.jobwitness.server.access.AgentToken;
import org.jobwitness.server.access.AgentTokenFile;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.db.DatabaseAddress;
import org.jspecify.annotations.Nullable;

/**
 * The real server on a port and a database of its own. Every answer that a test gets through it is held against the API
 * document, so that a test which passes also says that the document tells the truth.
 */
public final class TestServer implements AutoCloseable {
    private static final int LARGE = 512 * 1024;
    private static final Duration PATIENCE = Duration.ofSeconds(180);
    private static final DatabaseAddress NOWHERE = new DatabaseAddress("jdbc:postgresql://127.0.0.1:9/nothing",
            "nobody",
            "nothing");

    private final ApiDocument document = ApiDocument.load();
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
    private final DatabaseAddress database;
    private final Path dataDir;
    private final ServerInProcess server;

    private TestServer(DatabaseAddress database, List<String> flags) {
        this.database = database;
        try {
            dataDir = Files.createTempDirectory("jobwitness-test");
            List<String> all = new ArrayList<>(
                    List.of("--host=127.0.0.1", "--port=0", "--auth=off", "--scheduler-backend=none",
                            "--jobwitness-data-dir=" + dataDir, "--database-url=" + url(database)));
            all.addAll(flags);
            server = new ServerInProcess(dataDir, all);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a server with a fresh database. Flags win over the defaults here: any port of 127.0.0.1, no tokens, no scheduler. */
    public static TestServer start(String... flags) {
        TestServer server = new TestServer(TestPostgres.freshDatabase(), List.of(flags));
        server.awaitReady();
        return server;
    }

    /** Starts a server that wants tokens. */
    public static TestServer startWithAuth(String... flags) {
        List<String> all = new ArrayList<>(List.of("--auth=on"));
        all.addAll(List.of(flags));
        return start(all.toArray(String[]::new));
    }

    /** Starts a server whose database cannot be reached. */
    public static TestServer startWithoutDatabase(String... flags) {
        return new TestServer(NOWHERE, List.of(flags));
    }

    private static String url(DatabaseAddress database) {
        String url = database.jdbcUrl();
        return url + (url.contains("?") ? "&" : "?") + "user=" + database.user() + "&password=" + database.password();
    }

    private void awaitReady() {
        try {
            Waiting.until("the server is ready", PATIENCE, () -> get("/v1/health").toString(),
                    () -> get("/v1/ready").status() == 200);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    public int port() {
        return server.port();
    }

    /** What the server answers to, as {@code GET /v1/jobs/{id}}. */
    public List<String> routes() {
        return server.routes();
    }

    public ApiDocument document() {
        return document;
    }

    /** A caller without a token. */
    public Client anonymous() {
        return new Client(Optional.empty());
    }

    /** A caller with the token of a role. */
    public Client as(Role role) {
        try {
            Path file = dataDir.resolve(role.name().toLowerCase(Locale.ROOT) + ".token");
            return new Client(Optional.of(Files.readString(file).strip()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A caller with a session, which is put into the database past the server.
     *
     * @param run the only run that it shows; null for all that the user may see
     */
    public Client signedIn(@Nullable String user, @Nullable Long uid, @Nullable Long run, Duration lifetime) {
        String token = "jws_" + UUID.randomUUID();
        try (Connection connection = sql(); var statement = connection.prepareStatement("""
                insert into session (token_hash, user_name, uid, method, run, created_at, expires_at)
                values (sha256(convert_to(?, 'UTF8')), ?, ?, ?, ?, now(), now() + ? * interval '1 second')""")) {
            statement.setString(1, token);
            statement.setString(2, user);
            statement.setObject(3, uid, Types.BIGINT);
            statement.setString(4, run == null ? "munge" : "share_link");
            statement.setObject(5, run, Types.BIGINT);
            statement.setLong(6, lifetime.toSeconds());
            statement.executeUpdate();
            return new Client(Optional.of(token));
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A caller with this token. */
    public Client withToken(String token) {
        return new Client(Optional.of(token));
    }

    /** A caller with a new token for some nodes, which the server knows. */
    public Client ofNodes(String cluster, String nodes) {
        AgentToken.Issued issued = AgentToken.issue(cluster, nodes, Instant.now());
        try {
            new AgentTokenFile(dataDir).add(issued.token());
            return known(withToken(issued.secret()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same caller, once the server knows its token. */
    public Client known(Client caller) {
        try {
            Waiting.until("the server knows the token", PATIENCE, () -> caller.get("/v1/health").toString(),
                    () -> caller.get("/v1/health").status() == 200);
            return caller;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    public Path dataDir() {
        return dataDir;
    }

    /** Without a token. */
    public Exchange get(String target) {
        return anonymous().get(target);
    }

    /** Without a token. */
    public Exchange post(String target, String json) {
        return anonymous().post(target, json);
    }

    /** A connection of its own. What comes back on it should be given to {@link #checked}. */
    public RawConnection connect() throws IOException {
        return new RawConnection(port());
    }

    /** Holds an answer against the document. */
    public Exchange checked(Exchange exchange) {
        document.check(exchange);
        document.note(exchange);
        return exchange;
    }

    /** Where the server's database is. */
    public DatabaseAddress address() {
        return database;
    }

    /** The server's database, past the server. */
    public Connection sql() throws SQLException {
        return DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
    }

    /** How many rows a table has. */
    public long rows(String table) throws SQLException {
        try (Connection connection = sql();
                var statement = connection.createStatement();
                var rows = statement.executeQuery("select count(*) from " + table)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** Somebody who calls the server, with a token or without. */
    public final class Client {
        private final Optional<String> token;

        private Client(Optional<String> token) {
            this.token = token;
        }

        public Optional<String> token() {
            return token;
        }

        public Exchange get(String target) {
            return send("GET", target, "");
        }

        public Exchange post(String target, String json) {
            return send("POST", target, json, "Content-Type", "application/json");
        }

        /**
         * Sends any request. Of a stream, only what comes first is read.
         *
         * @param headers names and values in turn
         */
        public Exchange send(String method, String target, String body, String... headers) {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + target))
                    .timeout(PATIENCE)
                    // Else a refusal may be lost: the server closes the connection while the body still comes.
                    .expectContinue(body.length() > LARGE)
                    .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
            token.ifPresent(text -> request.header("Authorization", "Bearer " + text));
            if (headers.length > 0) {
                request.headers(headers);
            }
            try {
                HttpResponse<byte[]> answer = client.send(request.build(), FirstWords.ofStreams());
                return checked(new Exchange(method, target, body, answer.statusCode(), answer.headers().map(),
                        answer.body()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    public void close() {
        client.close();
        server.close();
        for (Role role : Role.values()) {
            delete(dataDir.resolve(role.name().toLowerCase(Locale.ROOT) + ".token"));
        }
        delete(dataDir.resolve("agent-tokens"));
        delete(dataDir.resolve("agent-tokens.lock"));
        delete(dataDir);
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
