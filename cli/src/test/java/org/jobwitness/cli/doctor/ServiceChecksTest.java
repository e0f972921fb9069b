package org.jobwitness.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import org.jobwitness.cli.doctor.CheckResult.State;
import org.jobwitness.cli.service.ClientSettings;
import org.jobwitness.cli.service.MungeLogin;
import org.jobwitness.cli.service.ServiceClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of a service that does not answer, or of what answers in its place. */
class ServiceChecksTest {
    private static final MungeLogin NO_MUNGE = new MungeLogin(Path.of("/nonexistent"), Optional.empty());

    private static CheckResult only(String url, Optional<Path> caFile) {
        ServiceClient service = new ServiceClient(
                new ClientSettings(URI.create(url), "from JOBWITNESS_URL", Optional.empty(), caFile,
                        NO_MUNGE, Optional.empty(), Duration.ofSeconds(10)),
                "1.0");
        return assertThat(new ServiceChecks(service, Clock.systemUTC()).all()).singleElement().actual();
    }

    private static String urlWhereNobodyListens(String scheme) throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            return scheme + "://127.0.0.1:" + free.getLocalPort();
        }
    }

    @Test
    void ofAServiceThatIsAwayItSaysWhatWasTriedWhatCameOfItAndWhereToLook() throws IOException {
        String url = urlWhereNobodyListens("http");
        CheckResult finding = only(url, Optional.empty());

        assertThat(finding.state()).isEqualTo(State.PROBLEM);
        assertThat(finding.found())
                .isEqualTo("the service at " + url + " (from JOBWITNESS_URL) cannot be reached: Connection refused");
        assertThat(finding.advice()).isEqualTo("on the server: systemctl status jobwitness-server; from here: curl -i "
                + url + "/v1/live; if it runs elsewhere: --url, JOBWITNESS_URL, or OBSERVABILITY_API_URL in"
                + " /etc/jobwitness/jobwitness.conf").doesNotContain("doctor");
    }

    @Test
    void curlIsToldOfTheCertificatesThatTheCommandTrusts() throws IOException {
        String url = urlWhereNobodyListens("https");
        Path trusted = Path.of("/etc/ssl/certs/ca-certificates.crt");

        assertThat(only(url, Optional.of(trusted)).advice())
                .contains("curl -i --cacert " + trusted + " " + url + "/v1/live;");
    }

    @ParameterizedTest
    @CsvSource({"502, a proxy is there", "503, a proxy is there", "504, a proxy is there", "404, another server",
            "301, another server"})
    void whatAnswersInItsPlaceIsNamedByItsStatus(int status, String what) throws IOException {
        HttpServer other = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        other.createContext("/", exchange -> {
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        other.start();
        try {
            String url = "http://127.0.0.1:" + other.getAddress().getPort();
            CheckResult finding = only(url, Optional.empty());

            assertThat(finding.found()).startsWith(url + " (from JOBWITNESS_URL) answers /v1/live with " + status + ": "
                    + what);
            assertThat(finding.advice()).contains("--url, JOBWITNESS_URL, or OBSERVABILITY_API_URL");
        } finally {
            other.stop(0);
        }
    }

    @Test
    void thatSlurmIsNotAskedIsTheFirstProblemAndSaysWhereToSetIt() throws IOException {
        HttpServer service = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        service.createContext("/", exchange -> {
            byte[] body = """
                    {"status":"unhealthy","timestamp":"2026-11-30T12:00:00Z","version":"1","checks":{"spool":"node n1 waits",
                     "database":"ok","scheduler":"Slurm is not asked"}}""".getBytes(StandardCharsets.UTF_8);
            boolean health = exchange.getRequestURI().getPath().equals("/v1/health");
            exchange.sendResponseHeaders(health ? 503 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        service.start();
        try {
            ServiceClient client = new ServiceClient(
                    new ClientSettings(URI.create("http://127.0.0.1:" + service.getAddress().getPort()), "from --url",
                            Optional.empty(), Optional.empty(), NO_MUNGE, Optional.empty(), Duration.ofSeconds(10)),
                    "1.0");
            CheckResult first = new ServiceChecks(client, Clock.systemUTC()).all().stream()
                    .filter(result -> result.state() == State.PROBLEM).findFirst().orElseThrow();

            assertThat(first.found()).isEqualTo("Slurm is not asked");
            assertThat(first.advice()).contains("/etc/jobwitness/server.env", "Asking Slurm");
        } finally {
            service.stop(0);
        }
    }
}
