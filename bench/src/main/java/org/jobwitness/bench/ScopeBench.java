package org.jobwitness.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.wire.MungeSocket;
import org.jobwitness.wire.SignIn;
import org.jspecify.annotations.Nullable;

/**
 * What it costs that people see their own: a list of 100 jobs of 1 million runs of 2,000 users in 150 accounts, asked for by a user,
 * and by root, who is an operator, with the same filter instead, in turn; the same of a coordinator. And signing in by MUNGE, where munged is
 * installed and this is root.
 */
public final class ScopeBench {
    private static final int WARM_UP = 10;
    private static final int ROUNDS = 100;
    private static final Path MUNGED = Path.of("/usr/sbin/munged");
    private static final String RUNS = """
            insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, uid, nodes, partition, account,
                gpu_devices, end_seen, end_time, oom_killed, superseded, requeued, state, reason, newest, scheduler)
            select now(), 'alpha', n::text, true, now() - n * interval '60 seconds', 'user' || n % 2000, 10000 + n % 2000,
                array['n' || n % 500], 'batch', 'account' || n % 2000 % 150, '{}', true,
                now() - n * interval '60 seconds' + interval '1 hour', false, false, false, 'completed', null, true,
                '{"name": "job"}'
            from generate_series(1, 1000000) n""";
    private static final String NODES = """
            insert into job_node (job_key, node, cpus, ended) select job_key, nodes[1], 16, true from job""";
    private static final String SESSIONS = """
            insert into session (token_hash, user_name, uid, method, created_at, expires_at)
            select sha256(convert_to(token, 'UTF8')), name, uid, 'munge', now(), now() + interval '1 day'
            from (values ('jws_user', 'user17', 10017), ('jws_some', 'carol', 9001), ('jws_many', 'dave', 9002),
                ('jws_root', 'root', 0))
                as of_user (token, name, uid)""";
    private static final String COORDINATORS = """
            insert into coordinator (user_name, cluster, account, read_at)
            select 'carol', 'alpha', 'account5', now() union all
            select 'dave', 'alpha', 'account' || n, now() from generate_series(0, 19) n""";

    private ScopeBench() {
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        Path folder = Files.createTempDirectory("scope-bench");
        Process munged = munged(folder);
        try (ServerUnderTest server = ServerUnderTest.start(Path.of(args[0]), "--auth", "on", "--munge-socket",
                folder.resolve("socket").toString())) {
            fill(server.database());
            String operator = "jws_root";
            compare(server.port(), "own jobs", "jws_user", "", operator, "&user=user17");
            compare(server.port(), "jobs of 1 account", "jws_some", "", operator, "&account=account5");
            compare(server.port(), "jobs of 20 accounts", "jws_many", "", operator, "");
            if (munged != null) {
                signIn(server.port(), folder.resolve("socket"));
            }
        } finally {
            if (munged != null) {
                munged.destroy();
                munged.waitFor();
            }
        }
    }

    private static @Nullable Process munged(Path folder) throws IOException {
        if (!Files.isExecutable(MUNGED) || !"root".equals(System.getProperty("user.name"))) {
            System.out.println("munged is not installed, or this is not root: signing in is not measured");
            return null;
        }
        byte[] key = new byte[128];
        new SecureRandom().nextBytes(key);
        Path file = Files.write(folder.resolve("key"), key);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        return new ProcessBuilder(MUNGED.toString(), "--foreground", "--force", "--key-file=" + file,
                "--socket=" + folder.resolve("socket"), "--pid-file=" + folder.resolve("pid"),
                "--log-file=" + folder.resolve("log"), "--seed-file=" + folder.resolve("seed"))
                .redirectErrorStream(true).redirectOutput(folder.resolve("out").toFile()).start();
    }

    private static void fill(DatabaseAddress address) throws SQLException {
        try (Connection connection = DriverManager.getConnection(address.jdbcUrl(), address.user(),
                address.password()); Statement statement = connection.createStatement()) {
            for (String sql : List.of(RUNS, NODES, SESSIONS, COORDINATORS, "vacuum analyze")) {
                statement.execute(sql);
            }
        }
    }

    /** In turn, so that both meet the same machine. */
    private static void compare(int port, String what, String token, String filter, String operator, String same)
            throws IOException {
        Times scoped = new Times();
        Times all = new Times();
        for (int round = 0; round < WARM_UP + ROUNDS; round++) {
            if (round == WARM_UP) {
                scoped.clear();
                all.clear();
            }
            scoped.add(send(port, "GET", "/v1/jobs?limit=100" + filter, token, null));
            all.add(send(port, "GET", "/v1/jobs?limit=100" + same, operator, null));
        }
        System.out.println(what + ": " + scoped + "; by the operator " + (same.isEmpty() ? "of all" : "with " + same)
                + ": " + all);
    }

    private static void signIn(int port, Path socket) throws IOException {
        Times times = new Times();
        for (int round = 0; round < WARM_UP + ROUNDS; round++) {
            if (round == WARM_UP) {
                times.clear();
            }
            String credential = credential(socket);
            times.add(send(port, "POST", "/v1/sessions", null, "{\"munge_credential\": \"" + credential + "\"}"));
        }
        System.out.println("signing in: " + times);
    }

    private static String credential(Path socket) throws IOException {
        byte[] payload = SignIn.newPayload(new SecureRandom()).getBytes(StandardCharsets.US_ASCII);
        ByteBuffer request = ByteBuffer.allocate(20 + payload.length).put(new byte[]{1, 1, 1, 0}).putInt(0).putInt(-1)
                .putInt(-1).putInt(payload.length).put(payload).flip();
        ByteBuffer response = MungeSocket.ask(socket, MungeSocket.ENCODE, request, Duration.ofSeconds(5));
        response.get(); // error
        response.position(response.position() + 1 + (response.get(response.position()) & 0xff));
        byte[] credential = new byte[response.getInt()];
        response.get(credential);
        return new String(credential, StandardCharsets.US_ASCII).replace("\0", "").strip();
    }

    /** Nanoseconds until all of the response is there. */
    private static long send(int port, String method, String path, @Nullable String token, @Nullable String body)
            throws IOException {
        long began = System.nanoTime();
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + path).toURL()
                .openConnection();
        connection.setRequestMethod(method);
        if (token != null) {
            connection.setRequestProperty("Authorization", "Bearer " + token);
        }
        if (body != null) {
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setDoOutput(true);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body.getBytes(StandardCharsets.US_ASCII));
            }
        }
        if (connection.getResponseCode() >= 300) {
            throw new IOException(path + ": " + connection.getResponseCode());
        }
        try (InputStream in = connection.getInputStream()) {
            in.transferTo(new ByteArrayOutputStream());
        }
        return System.nanoTime() - began;
    }
}
