package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The settings: where they may stand, and what becomes of nonsense. */
class SettingsTest {
    private static final String TOKEN = "jw_agent.0123456789-ABC~/+==";

    @TempDir
    Path folder;

    static List<List<String>> shells() {
        return Shells.here();
    }

    @ParameterizedTest
    @MethodSource("shells")
    void fileMayHoldEverySetting(List<String> shell) throws Exception {
        try (var service = new Service()) {
            var token = Files.writeString(folder.resolve("token"), TOKEN + "\n");
            var node = new Node(folder, "").under(shell).without("OBSERVABILITY_API_URL")
                    .without("JOBWITNESS_SPOOL_DIR")
                    .configured("""
                            # a comment
                            OBSERVABILITY_API_URL=http://127.0.0.1:1

                              OBSERVABILITY_API_URL=%s/
                            #OBSERVABILITY_API_URL=http://127.0.0.1:2
                            OBSERVABILITY_TOKEN_FILE="%s"\r
                            JOBWITNESS_SPOOL_DIR='%s'\r
                            PATH=/nowhere
                            SLURM_JOB_ID=1
                            $(touch %s/hit)
                            =
                            no setting at all
                            OBSERVABILITY_TIMEOUT=1""".formatted(service.url(), token, folder.resolve("own"), folder));

            node.prolog().keptItsPromise();

            assertThat(service.request().headers()).containsEntry("Authorization", "Bearer " + TOKEN);
            assertThat(service.request().path()).isEqualTo("POST /v1/events/job-started");
            assertThat(service.request().body().get("job_id").stringValue()).isEqualTo("57");
            assertThat(folder.resolve("own/events")).isEmptyDirectory();
            assertThat(folder.resolve("hit")).doesNotExist();
            assertThat(node.syslog()).isEmpty();
        }
    }

    @Test
    void environmentGoesBeforeTheFile() throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).configured("OBSERVABILITY_API_URL=http://127.0.0.1:1\n");

            node.prolog().keptItsPromise();

            assertThat(service.requests()).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://127.0.0.1/", "file:///etc/passwd", "localhost:8080", "http://", "http://a b/",
            "http://a\"\nurl=http://b", "http://a\\", "-o/tmp/x", "$(id)"})
    void addressThatIsNoneIsNotUsed(String url) throws Exception {
        var node = new Node(folder, url).program("curl", "touch " + folder + "/asked");

        node.prolog().keptItsPromise();

        assertThat(folder.resolve("asked")).doesNotExist();
        assertThat(node.kept()).hasSize(1);
        assertThat(node.syslog()).singleElement().asString().contains("OBSERVABILITY_API_URL is not");
    }

    /** Curl's own settings could send the event elsewhere, or the token. */
    @Test
    void settingsOfCurlAreNotRead() throws Exception {
        try (var service = new Service()) {
            Files.writeString(folder.resolve(".curlrc"), "url = " + service.url() + "/leak\n");
            var node = new Node(folder, service.url()).with("HOME", folder.toString()).with("CURL_HOME",
                    folder.toString());

            node.prolog().keptItsPromise();

            assertThat(service.request().path()).isEqualTo("POST /v1/events/job-started");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "two words\n", "quo\"te\n", "line\\n\n", "é\n"})
    void tokenThatIsNoneIsNotSent(String text) throws Exception {
        try (var service = new Service()) {
            var token = Files.writeString(folder.resolve("token"), text);
            var node = new Node(folder, service.url()).with("OBSERVABILITY_TOKEN_FILE", token.toString());

            node.prolog().keptItsPromise();

            assertThat(service.request().headers()).doesNotContainKey("Authorization");
            assertThat(node.syslog()).singleElement().asString().contains("OBSERVABILITY_TOKEN_FILE");
        }
    }

    @Test
    void missingTokenFileIsSaidInSyslog() throws Exception {
        try (var service = new Service()) {
            var node = new Node(folder, service.url()).with("OBSERVABILITY_TOKEN_FILE", folder + "/none");

            node.prolog().keptItsPromise();

            assertThat(service.requests()).hasSize(1);
            assertThat(node.syslog()).singleElement().asString().contains("OBSERVABILITY_TOKEN_FILE");
        }
    }

    @ParameterizedTest
    @MethodSource("shells")
    void neitherTokenNorEventShowsInTheProcessList(List<String> shell) throws Exception {
        try (var service = new Service()) {
            var commands = new ArrayList<String>();
            service.whileAsked(() -> commands.addAll(commandLines()));
            var token = Files.writeString(folder.resolve("token"), TOKEN + "\n");
            var node = new Node(folder, service.url()).under(shell).with("OBSERVABILITY_TOKEN_FILE", token.toString());

            node.prolog().keptItsPromise();

            assertThat(service.request().headers()).containsEntry("Authorization", "Bearer " + TOKEN);
            assertThat(commands).anyMatch(command -> command.startsWith("curl "));
            assertThat(commands).noneMatch(command -> command.contains(TOKEN) || command.contains("event_id"));
        }
    }

    @ParameterizedTest
    @CsvSource({"0.3, 300", "1, 1000", "1.2, 1200", "2, 1500", "60, 1500", "'', 1500", "0, 1500", "-1, 1500",
            "1s, 1500",
            "$(id), 1500"})
    void timeoutIsAtMostTwoSeconds(String timeout, int milliseconds) throws Exception {
        try (var silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            var node = new Node(folder, "http://127.0.0.1:" + silent.getLocalPort()).with("OBSERVABILITY_TIMEOUT",
                    timeout);

            var run = node.prolog();

            run.keptItsPromise();
            assertThat(run.wall()).isBetween(Duration.ofMillis(milliseconds - 50),
                    Duration.ofMillis(milliseconds + 450));
        }
    }

    private static List<String> commandLines() {
        var lines = new ArrayList<String>();
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : processes) {
                try {
                    lines.add(Files.readString(process.resolve("cmdline")).replace('\0', ' '));
                } catch (IOException e) {
                    // it has ended since
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return lines;
    }
}
