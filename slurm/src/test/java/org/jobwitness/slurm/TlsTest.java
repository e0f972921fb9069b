package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service with a certificate of the site's own: sent is only to one that JOBWITNESS_CA_FILE vouches for. */
class TlsTest {
    @TempDir
    Path folder;
    private HttpsServer service;
    private final List<String> paths = new CopyOnWriteArrayList<>();

    @AfterEach
    void stop() {
        service.stop(0);
    }

    /** Its certificate vouches for itself. */
    private Node nodeOfService(String name, String from, int days) throws Exception {
        var store = folder.resolve(name + ".p12").toString();
        keytool("-genkeypair", "-keystore", store, "-storepass", "secret", "-alias", "own", "-keyalg", "EC", "-dname",
                "CN=localhost", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c", "-startdate", from, "-validity",
                Integer.toString(days));
        keytool("-exportcert", "-rfc", "-keystore", store, "-storepass", "secret", "-alias", "own", "-file",
                folder.resolve(name + ".pem").toString());
        var keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(Path.of(store))) {
            keys.load(in, "secret".toCharArray());
        }
        var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, "secret".toCharArray());
        var tls = SSLContext.getInstance("TLS");
        tls.init(managers.getKeyManagers(), null, null);
        service = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        service.setHttpsConfigurator(new HttpsConfigurator(tls));
        service.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            paths.add(exchange.getRequestURI().getPath());
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        service.start();
        return new Node(folder, "https://127.0.0.1:" + service.getAddress().getPort());
    }

    private static void keytool(String... arguments) throws Exception {
        var command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/keytool"));
        command.addAll(List.of(arguments));
        var run = new ProcessBuilder(command).redirectErrorStream(true).start();
        var output = new String(run.getInputStream().readAllBytes());
        assertThat(run.waitFor()).as(output).isZero();
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    @Test
    void theServiceThatTheSiteVouchesForGetsTheEvent() throws Exception {
        nodeOfService("service", "-1d", 30).with("JOBWITNESS_CA_FILE", file("service.pem")).prolog().keptItsPromise();

        assertThat(paths).containsExactly("/v1/events/job-started");
    }

    @Test
    void anotherServiceGetsNothing() throws Exception {
        var node = nodeOfService("service", "-1d", 30);

        node.prolog().keptItsPromise();

        assertThat(paths).isEmpty();
        assertThat(node.kept()).hasSize(1);
        assertThat(node.syslog()).singleElement().asString().endsWith("not sent, status 000, the certificate of the "
                + "service is not signed by a CA that is trusted here (JOBWITNESS_CA_FILE)");
    }

    @Test
    void anExpiredCertificateIsNamedAsSuch() throws Exception {
        var node = nodeOfService("expired", "-30d", 10).with("JOBWITNESS_CA_FILE", file("expired.pem"));

        node.prolog().keptItsPromise();

        assertThat(paths).isEmpty();
        assertThat(node.syslog()).singleElement().asString()
                .endsWith("not sent, status 000, the certificate of the service has expired");
    }

    @Test
    void aCaFileThatIsNoneSendsNothing() throws Exception {
        var node = nodeOfService("service", "-1d", 30).with("JOBWITNESS_CA_FILE", file("none"));
        node.prolog().keptItsPromise();
        assertThat(node.syslog()).last().asString().endsWith("not sent, status 000, JOBWITNESS_CA_FILE cannot be read");

        node.with("JOBWITNESS_CA_FILE", "relative.pem").prolog().keptItsPromise();
        assertThat(node.syslog()).last().asString().contains("JOBWITNESS_CA_FILE is not an absolute path");
        assertThat(paths).isEmpty();
        assertThat(node.kept()).hasSize(2);
    }
}
