package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.SocketFactory;
import javax.net.ssl.SSLSocket;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.http.Tls;
import org.jobwitness.server.ops.Watchdog;
import org.jobwitness.server.testing.Certificates;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The server's own TLS, as curl sees it. */
class TlsTest {
    private static final List<String> EC = List.of("ec", "-pkeyopt", "ec_paramgen_curve:P-256");
    private static final String LONG = "20991231000000Z";
    private static final Duration RELOADED = Duration.ofSeconds(60);

    @TempDir
    Path folder;
    private Certificates certificates;
    private String database = "postgres://nobody:nothing@127.0.0.1:9/nothing";
    private ServerInProcess server;

    @BeforeEach
    void makeCa() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/curl")), "curl is not installed");
        certificates = new Certificates(folder);
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private void start(String name) throws Exception {
        Files.copy(folder.resolve(name + ".pem"), folder.resolve("server.pem"));
        Files.copy(folder.resolve(name + ".key"), folder.resolve("server.key"));
        server = new ServerInProcess(folder, List.of("--host=127.0.0.1", "--port=0", "--scheduler-backend=none",
                "--request-deadline-seconds=2", "--jobwitness-data-dir=" + folder, "--tls-cert-file="
                        + folder.resolve("server.pem"),
                "--tls-key-file=" + folder.resolve("server.key"),
                "--database-url=" + database));
    }

    private void startWithDatabase(String name) throws Exception {
        DatabaseAddress fresh = TestPostgres.freshDatabase();
        String url = fresh.jdbcUrl();
        database = url + (url.contains("?") ? "&" : "?") + "user=" + fresh.user() + "&password=" + fresh.password();
        start(name);
        Waiting.until("the server is ready", RELOADED, this::health, () -> health().startsWith("HTTP/1.1 200"));
    }

    private void replace(String name) throws IOException {
        for (String end : List.of(".pem", ".key")) {
            Path draft = Files.copy(folder.resolve(name + end), folder.resolve("draft"));
            Files.move(draft, folder.resolve("server" + end), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private record Curl(int status, String output) {
    }

    private Curl curl(Path ca, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of("/usr/bin/curl", "-sS", "-m", "20", "--cacert",
                ca.toString(), "https://localhost:" + server.port() + "/v1/live"));
        command.addAll(List.of(more));
        Process curl = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Curl(curl.waitFor(), output);
    }

    private Instant servedUntil() throws IOException {
        try (SSLSocket socket = (SSLSocket) Tls.toOneself().createSocket("127.0.0.1", server.port())) {
            return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getNotAfter().toInstant();
        }
    }

    @Test
    void whoTrustsTheCaIsAnsweredAndNobodyElse() throws Exception {
        certificates.make("good", EC, LONG);
        start("good");
        assertThat(curl(certificates.ca(), "-w", " %{http_code} %{http_version}").output()).endsWith(" 200 1.1");
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Curl refused = curl(new Certificates(elsewhere).ca());
        assertThat(refused.status()).as(refused.output()).isEqualTo(60);
        Process plain = new ProcessBuilder("/usr/bin/curl", "-sS", "-m", "20",
                "http://127.0.0.1:" + server.port() + "/v1/live").start();
        assertThat(plain.waitFor()).as("plain HTTP").isNotZero();
    }

    /** Ten questions without an answer would end the process. */
    @Test
    void theWatchdogIsAnswered() throws Exception {
        certificates.make("good", EC, LONG);
        start("good");
        CountDownLatch ended = new CountDownLatch(1);
        try (Watchdog _ = new Watchdog(Tls.toOneself(), "127.0.0.1", server.port(), Duration.ofMillis(250),
                ended::countDown)) {
            assertThat(ended.await(6, TimeUnit.SECONDS)).isFalse();
        }
        try (Watchdog _ = new Watchdog(SocketFactory.getDefault(), "127.0.0.1", server.port(), Duration.ofMillis(250),
                ended::countDown)) {
            assertThat(ended.await(60, TimeUnit.SECONDS)).as("one that asks without TLS ends it").isTrue();
        }
    }

    @Test
    void anExpiredCertificateIsAProblemOfHealth() throws Exception {
        certificates.make("old", EC, "20240101000000Z");
        start("old");
        Curl refused = curl(certificates.ca());
        assertThat(refused.status()).isEqualTo(60);
        assertThat(refused.output()).contains("expired");
        assertThat(tls(EC, "old", Clock.systemUTC()).problem().orElseThrow())
                .isEqualTo("the certificate in TLS_CERT_FILE has expired at 2024-01-01T00:00:00Z");
        assertThat(tls(EC, "old", Clock.fixed(Instant.parse("2023-12-30T00:00:00Z"), ZoneOffset.UTC)).problem()
                .orElseThrow()).startsWith("the certificate in TLS_CERT_FILE expires at");
        assertThat(tls(EC, "old", Clock.fixed(Instant.parse("2023-12-01T00:00:00Z"), ZoneOffset.UTC)).problem())
                .isEmpty();
    }

    private Tls tls(List<String> newKey, String name, Clock clock) throws Exception {
        if (!Files.exists(folder.resolve(name + ".pem"))) {
            certificates.make(name, newKey, LONG);
        }
        try (Tls tls = new Tls(folder.resolve(name + ".pem"), folder.resolve(name + ".key"), clock)) {
            return tls;
        }
    }

    /** As OpenSSL 3 and certbot write keys, OpenSSL 1, and other ACME clients. */
    @ParameterizedTest
    @ValueSource(strings = {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519"})
    void keysOfEachFormat(String newKey) throws Exception {
        tls(List.of(newKey.split(" ")), "key", Clock.systemUTC());
        if (!newKey.equals("ed25519")) {
            String tool = newKey.startsWith("rsa") ? "rsa" : "ec";
            certificates.openssl(tool, "-in", "key.key", "-out", "traditional",
                    tool.equals("rsa") ? "-traditional" : "-param_enc", tool.equals("rsa") ? "-text" : "named_curve");
            assertThat(folder.resolve("traditional")).content().containsPattern("BEGIN (RSA|EC) PRIVATE KEY");
            Files.move(folder.resolve("traditional"), folder.resolve("key.key"), StandardCopyOption.REPLACE_EXISTING);
            tls(List.of(), "key", Clock.systemUTC());
        }
    }

    @Test
    void filesThatAreNoneEndTheStartInWords() throws Exception {
        certificates.make("one", EC, LONG);
        certificates.make("two", List.of("rsa:2048"), LONG);
        certificates.openssl("pkcs8", "-topk8", "-in", "one.key", "-out", "locked.key", "-passout", "pass:secret");
        Path one = folder.resolve("one.pem");
        assertRefused(one, folder.resolve("two.key"), "is not the key of the first certificate");
        assertRefused(one, folder.resolve("locked.key"), "is encrypted; a key without a passphrase is needed");
        assertRefused(one, folder.resolve("none"), "none does not exist");
        assertRefused(one, one, "holds no PEM private key");
        assertRefused(folder.resolve("one.key"), folder.resolve("one.key"), "one.key holds");
    }

    private static void assertRefused(Path certificate, Path key, String cause) {
        assertThatThrownBy(() -> new Tls(certificate, key, Clock.systemUTC())).isInstanceOf(IOException.class)
                .hasMessageContaining(cause);
    }

    @Test
    void newFilesAreUsedWithoutALostRequestAndBadOnesAreNot() throws Exception {
        certificates.make("first", EC, "20980101000000Z");
        certificates.make("second", List.of("rsa:2048"), "20990101000000Z");
        startWithDatabase("first");
        AtomicBoolean isDone = new AtomicBoolean();
        AtomicInteger answered = new AtomicInteger();
        AtomicInteger lost = new AtomicInteger();
        Thread load = Thread.ofVirtual().start(() -> {
            while (!isDone.get()) {
                (ask() ? answered : lost).incrementAndGet();
            }
        });
        Files.writeString(folder.resolve("server.pem"), "half a certif");
        Waiting.until("bad files are a problem", RELOADED, this::health, () -> health().contains("cannot be used"));
        assertThat(servedUntil()).isEqualTo("2098-01-01T00:00:00Z");
        replace("second");
        Waiting.until("the new certificate is served", RELOADED, this::health,
                () -> servedUntil().equals(Instant.parse("2099-01-01T00:00:00Z")));
        Waiting.until("no problem is left", RELOADED, this::health, () -> !health().contains("cannot be used"));
        int before = answered.get();
        Waiting.until("more requests", RELOADED, () -> answered.toString(), () -> answered.get() > before + 5);
        isDone.set(true);
        load.join();
        assertThat(lost).as("of " + answered).hasValue(0);
    }

    /** A new connection for each. */
    private boolean ask() {
        return request("/v1/live").startsWith("HTTP/1.1 200");
    }

    private String health() {
        return request("/v1/health");
    }

    private String request(String path) {
        try (Socket socket = Tls.toOneself().createSocket("127.0.0.1", server.port())) {
            socket.getOutputStream().write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                    + Files.readString(folder.resolve("operator.token")).strip() + "\r\nConnection: close\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Bytes that are no handshake, and half of one: neither keeps a connection. */
    @Test
    void aHandshakeThatNeverEndsIsGivenUp() throws Exception {
        certificates.make("good", EC, LONG);
        start("good");
        try (Socket silent = new Socket("127.0.0.1", server.port())) {
            silent.setSoTimeout(30_000);
            silent.getOutputStream().write(new byte[]{0x16, 3, 1, 2, 0});
            assertThat(silent.getInputStream().readAllBytes()).hasSizeLessThan(20);
        }
        assertThat(ask()).isTrue();
    }
}
