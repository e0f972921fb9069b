package org.jobwitness.server.scheduler;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.throwable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jobwitness.server.scheduler.FakeSlurm.FakeJob;
import org.jobwitness.server.scheduler.SlurmException.Problem;
import org.jobwitness.wire.TrustedCas;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** slurmrestd behind a proxy that speaks https, with certificates of a site's own authority, good and bad ones. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SlurmrestdTlsTest {
    private Path store;
    private TrustedCas ours;
    private FakeSlurmrestd fake;

    @BeforeAll
    void open(@TempDir Path folder) throws Exception {
        store = folder.resolve("keys.p12");
        keytool("-genkeypair", "-alias", "ca", "-dname", "CN=our authority", "-ext", "bc:c");
        keytool("-exportcert", "-rfc", "-alias", "ca", "-file", folder.resolve("ca.pem").toString());
        ours = TrustedCas.read(folder.resolve("ca.pem"));
        keytool("-genkeypair", "-alias", "good", "-signer", "ca", "-dname", "CN=proxy", "-ext", "san=ip:127.0.0.1");
        keytool("-genkeypair", "-alias", "expired", "-signer", "ca", "-dname", "CN=proxy", "-ext", "san=ip:127.0.0.1",
                "-startdate", "-9d", "-validity", "7");
        keytool("-genkeypair", "-alias", "early", "-signer", "ca", "-dname", "CN=proxy", "-ext", "san=ip:127.0.0.1",
                "-startdate", "+9d");
        keytool("-genkeypair", "-alias", "other", "-signer", "ca", "-dname", "CN=proxy", "-ext", "san=dns:other");
        FakeSlurm slurm = new FakeSlurm();
        slurm.put(FakeJob.waiting("7", Instant.parse("2026-11-23T10:00:00Z")));
        fake = FakeSlurmrestd.onPort(slurm, 42);
    }

    @AfterAll
    void close() throws IOException {
        fake.close();
    }

    private void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/keytool", "-keystore",
                store.toString(), "-storepass", "secret"));
        command.addAll(List.of(arguments));
        if (arguments[0].equals("-genkeypair")) {
            command.addAll(List.of("-keyalg", "EC"));
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
    }

    private static Slurmrestd client(URI url, Optional<TrustedCas> authorities) {
        return new Slurmrestd(new SlurmAddress.Web(url, authorities), new AuthToken.Fixed("t0ken"), Optional.empty(),
                Optional.of(42), Duration.ofSeconds(5));
    }

    @Test
    void behindAProxyOfASitesOwnAuthorityItIsAskedAsEver() throws Exception {
        try (TlsProxy proxy = new TlsProxy(URI.create(fake.url()), store, "secret", "good");
                Slurmrestd client = client(proxy.url(), Optional.of(ours))) {
            assertThat(client.list().entries()).extracting(Listing.Entry::name).containsExactly("7");
            assertThat(client.job("7")).singleElement().returns("lammps", SlurmJob::name);
            assertThat(client.job("8")).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            expired | the server's certificate has expired
            early   | the server's certificate is not valid yet
            other   | the server's certificate is not accepted: No subject alternative names matching IP address 127.0.0.1 found
            """)
    void aCertificateThatIsNotGoodIsSaid(String alias, String trouble) throws Exception {
        try (TlsProxy proxy = new TlsProxy(URI.create(fake.url()), store, "secret", alias)) {
            assertProblem(proxy.url(), Optional.of(ours), trouble);
        }
    }

    @Test
    void whomNobodyVouchesForIsNotSpokenTo() throws Exception {
        fake.targets.clear();
        try (TlsProxy proxy = new TlsProxy(URI.create(fake.url()), store, "secret", "good")) {
            assertProblem(proxy.url(), Optional.empty(),
                    "the server's certificate is not signed by a CA that is trusted here; SLURM_CA_FILE names them");
        }
        assertThat(fake.targets).isEmpty();
    }

    @Test
    void whoSpeaksPlainHttpIsSaidNotToSpeakTls() throws Exception {
        try (ServerSocket plain = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.startVirtualThread(() -> {
                try (Socket client = plain.accept()) {
                    client.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(US_ASCII));
                    client.getInputStream().readAllBytes();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertProblem(URI.create("https://127.0.0.1:" + plain.getLocalPort()), Optional.of(ours),
                    "the server does not speak TLS, or no common TLS version");
        }
    }

    private static void assertProblem(URI url, Optional<TrustedCas> authorities, String words) {
        try (Slurmrestd client = client(url, authorities)) {
            assertThatThrownBy(client::list).asInstanceOf(throwable(SlurmException.class))
                    .returns(Problem.AWAY, SlurmException::problem)
                    .hasMessage("slurmrestd /slurm/v0.0.42/ping/: " + words);
        }
    }
}
