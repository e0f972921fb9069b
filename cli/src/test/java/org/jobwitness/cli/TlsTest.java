package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jobwitness.cli.CliRun.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command says of certificates, in words for people. The service is a stub behind the JDK's TLS. */
class TlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final int USAGE = 2;
    private static final int UNAVAILABLE = 3;
    private static final int DENIED = 4;

    @TempDir
    Path folder;
    private HttpsServer server;

    @AfterEach
    void stop() {
        if (server != null) {
            server.stop(0);
        }
    }

    /** Starts a service with a certificate of a CA of its own, NAME.pem. */
    private void start(String name, String... more) throws Exception {
        Path store = folder.resolve(name + ".p12");
        keytool(store, List.of("-genkeypair", "-alias", "ca", "-keyalg", "EC", "-dname", "CN=" + name, "-ext",
                "bc=ca:true"));
        List<String> make = new ArrayList<>(List.of("-genkeypair", "-alias", "it", "-keyalg", "EC", "-dname",
                "CN=localhost", "-signer", "ca"));
        make.addAll(List.of(more));
        keytool(store, make);
        keytool(store, List.of("-exportcert", "-rfc", "-alias", "ca", "-file",
                folder.resolve(name + ".pem").toString()));
        KeyStore keys = KeyStore.getInstance(store.toFile(), PASSWORD);
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        byte[] jobs = "{\"jobs\": [], \"total\": 0, \"limit\": 20, \"offset\": 0}"
                .getBytes(StandardCharsets.UTF_8);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, jobs.length);
            exchange.getResponseBody().write(jobs);
            exchange.close();
        });
        server.start();
    }

    private void keytool(Path store, List<String> arguments) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(arguments);
        command.addAll(List.of("-keystore", store.toString(), "-storepass", new String(PASSWORD)));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    private CliRun jobs(String scheme, String caFile) {
        return Shell.empty().with("JOBWITNESS_URL", scheme + "://localhost:" + server.getAddress().getPort())
                .with("JOBWITNESS_CA_FILE", folder.resolve(caFile)).run("jobs");
    }

    @Test
    void aServerWhoseCaIsTrustedIsAsked() throws Exception {
        start("good", "-ext", "san=dns:localhost");
        assertThat(jobs("https", "good.pem").errors()).isEmpty();
    }

    /** Takes one token of Slurm, for a session that lists jobs. */
    private void requireSession(String slurmToken) {
        String session = """
                {"token": "jws_1", "session": {"id": 1, "user": "alice", "role": "user", "method": "slurm_token",
                 "created_at": "2026-12-01T00:00:00Z", "expires_at": "2026-12-01T01:00:00Z"}}""";
        server.createContext("/v1/", exchange -> {
            String sent = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            boolean isSignIn = exchange.getRequestURI().getPath().equals("/v1/sessions/slurm")
                    && sent.equals("{\"slurm_token\":\"" + slurmToken + "\"}");
            boolean isSignedIn = "Bearer jws_1".equals(exchange.getRequestHeaders().getFirst("Authorization"));
            byte[] body = (isSignIn
                    ? session
                    : isSignedIn
                            ? "{\"jobs\": [], \"total\": 0, \"limit\": 20, \"offset\": 0}"
                            : "{\"error\": \"unauthorized\", \"message\": \"Slurm does not take the token\"}")
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(isSignIn ? 201 : isSignedIn ? 200 : 401, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
    }

    @Test
    void whereThereIsNoMungeTheTokenOfSlurmSignsInAndItsSessionIsNotKept() throws Exception {
        start("good", "-ext", "san=dns:localhost");
        requireSession("aa.bb.cc");
        Shell shell = Shell.empty().with("JOBWITNESS_URL", "https://localhost:" + server.getAddress().getPort())
                .with("JOBWITNESS_CA_FILE", folder.resolve("good.pem")).with("XDG_RUNTIME_DIR", folder)
                .with("JOBWITNESS_MUNGE_SOCKET", "/nonexistent");
        assertThat(shell.with("SLURM_JWT", "aa.bb.cc").run("jobs").errors()).isEmpty();
        assertThat(folder.resolve("jobwitness")).doesNotExist();
        for (String other : List.of("aa.bb.dd", "\"}{", "")) {
            CliRun run = shell.with("SLURM_JWT", other).run("jobs");
            assertThat(run.status()).isEqualTo(DENIED);
            assertThat(run.errors()).contains("MUNGE (/nonexistent)");
        }
        assertThat(shell.with("SLURM_JWT", "aa.bb.dd").run("jobs").errors())
                .contains("does not take SLURM_JWT: Slurm does not take the token");
    }

    @Test
    void anExpiredCertificate() throws Exception {
        start("old", "-ext", "san=dns:localhost", "-startdate", "2024/01/01 00:00:00", "-validity", "30");
        CliRun run = jobs("https", "old.pem");
        assertThat(run.status()).isEqualTo(UNAVAILABLE);
        assertThat(run.errors()).contains("cannot be reached: the server's certificate has expired. ");
    }

    @Test
    void aForeignCa() throws Exception {
        start("other", "-ext", "san=dns:localhost");
        server.stop(0);
        start("good", "-ext", "san=dns:localhost");
        assertThat(jobs("https", "other.pem").errors()).contains("the server's certificate is not signed by a CA that"
                + " is trusted here; JOBWITNESS_CA_FILE names them. ");
    }

    @Test
    void anotherHost() throws Exception {
        start("elsewhere", "-ext", "san=dns:elsewhere.example.org");
        assertThat(jobs("https", "elsewhere.pem").errors()).contains(
                "the server's certificate is not accepted: No subject alternative DNS name matching localhost found. ");
    }

    @Test
    void plainHttp() throws Exception {
        start("good", "-ext", "san=dns:localhost");
        assertThat(jobs("http", "good.pem").errors())
                .contains("a server with TLS wants an address that begins with https. ");
    }

    @Test
    void aCaFileThatIsNone() throws Exception {
        start("good", "-ext", "san=dns:localhost");
        CliRun missing = jobs("https", "none.pem");
        assertThat(missing.status()).isEqualTo(USAGE);
        assertThat(missing.errors()).contains("JOBWITNESS_CA_FILE: ").contains("none.pem does not exist");
        Files.writeString(folder.resolve("text.pem"), "no certificate\n");
        assertThat(jobs("https", "text.pem").errors()).contains("text.pem holds no certificates");
    }
}
