package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.access.SlurmTokenSettings;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.notice.NoticeSettings;
import org.jobwitness.server.scheduler.AuthToken;
import org.jobwitness.server.scheduler.Reconciliation;
import org.jobwitness.server.verdict.Thresholds;
import org.jobwitness.wire.FindingRule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the settings are where nobody says anything, and who wins where several do. */
class ServerConfigTest {
    @TempDir
    Path folder;

    @Test
    void everyDefaultIsAsTheDocumentSays() throws Exception {
        ServerConfig config = read(List.of(), Map.of("HOME", "/home/alice"), "");
        assertThat(config).isEqualTo(
                new ServerConfig(Path.of("/home/alice/.local/share/jobwitness"), "0.0.0.0", 8080, Optional.empty(),
                        false, Optional.empty(), 10,
                        true, List.of("root"), List.of(), new PublicUrl(Optional.empty()),
                        Path.of("/run/munge/munge.socket.2"), Optional.empty(), Optional.empty(), "default", Set.of(),
                        20_000, 3_000_000, config.maxConnections(), Duration.ofSeconds(15),
                        Duration.ofDays(7),
                        Duration.ofDays(400),
                        Duration.ofDays(800), false, Optional.empty(),
                        new SlurmTokenSettings(Optional.empty(), "sun"), false, Thresholds.USUAL,
                        Optional.empty(), Optional.empty(), Optional.empty(), List.of(),
                        new NoticeSettings(Optional.empty(), Optional.empty(),
                                Set.of(FindingRule.GPU_IDLE, FindingRule.GPU_PARTLY_IDLE,
                                        FindingRule.MEMORY_NEAR_LIMIT),
                                Duration.ofHours(24), Duration.ofHours(1))));
    }

    /** The system's limit of open files is reached before that of connections otherwise. */
    @Test
    void connectionsFitTheHeapAndTheOpenFiles() {
        assertThat(ServerConfig.defaultMaxConnections(8L << 30, 65_536)).isEqualTo(20_000);
        assertThat(ServerConfig.defaultMaxConnections(64 << 20, 65_536)).isEqualTo(682);
        assertThat(ServerConfig.defaultMaxConnections(1L << 30, 65_536)).isEqualTo(20_000);
        assertThat(ServerConfig.defaultMaxConnections(8L << 30, 20_000)).isEqualTo(17_500);
        assertThat(ServerConfig.defaultMaxConnections(8L << 30, Long.MAX_VALUE)).isEqualTo(20_000);
    }

    /** It is shown on terminals and pages. */
    @Test
    void aSitesNoteIsOneLineOfPlainText() throws Exception {
        assertThat(
                read(List.of("--site-note=Fragen? https://hpc.example.org/hilfe – täglich"), Map.of(), "").siteNote())
                .contains("Fragen? https://hpc.example.org/hilfe – täglich");
        for (String refused : List.of("a\u001b[31mb", "a\nb", "a\u202eb", "a\u2028b", "<b>a</b>", "x".repeat(501))) {
            assertThatThrownBy(() -> read(List.of("--site-note=" + refused), Map.of(), ""))
                    .hasMessageStartingWith("SITE_NOTE is").hasMessageEndingWith("control characters, < and >")
                    .message().doesNotContain("\u001b", "\n", "\u202e");
        }
    }

    @Test
    void anAddressOfAnotherServiceIsThatOfAWebServer() throws Exception {
        assertThat(read(List.of("--grafana-url=https://hpc.example.org/grafana/"), Map.of(), "").grafana())
                .contains("https://hpc.example.org/grafana");
        for (String refused : List.of("javascript:alert(1)", "grafana.example.org", "https://a b", "https://a/?b",
                "https://")) {
            assertThatThrownBy(() -> read(List.of("--grafana-url=" + refused), Map.of(), ""))
                    .hasMessageStartingWith("GRAFANA_URL is").hasMessageContaining("https://");
        }
    }

    @Test
    void pagesAreEmbeddedByOriginsOnly() throws Exception {
        assertThat(read(List.of(), Map.of(), "").frameAncestors()).isEmpty();
        assertThat(read(List.of("--frame-ancestors=https://ood.example.org, https://*.example.org:3000"), Map.of(), "")
                .frameAncestors()).containsExactly("https://ood.example.org", "https://*.example.org:3000");
        for (String refused : List.of("*", "'unsafe-inline'", "https://a.org; script-src *", "https://a.org/path",
                "https:", "javascript:alert(1)", "https://a.org https://b.org", "https://-a.org")) {
            assertThatThrownBy(() -> read(List.of("--frame-ancestors=" + refused), Map.of(), ""))
                    .hasMessageStartingWith("FRAME_ANCESTORS is");
        }
    }

    @Test
    void withoutACertificateHttpMayBeKeptOnThisMachine() throws Exception {
        assertThat(read(List.of("--plain-http=loopback"), Map.of("HOST", "0.0.0.0"), "").host()).isEqualTo("127.0.0.1");
        List<String> withCertificate = List.of("--plain-http=loopback", "--tls-cert-file=/c.pem",
                "--tls-key-file=/k.pem");
        assertThat(read(withCertificate, Map.of("HOST", "10.1.2.3"), "").host()).isEqualTo("10.1.2.3");
        assertThatThrownBy(() -> read(List.of("--tls-cert-file=/c.pem"), Map.of(), ""))
                .hasMessageStartingWith("TLS_KEY_FILE is \"\"; allowed: a PEM file");
    }

    @Test
    void theDataFolderFollowsXdg() throws Exception {
        assertThat(read(List.of(), Map.of("HOME", "/home/alice", "XDG_DATA_HOME", "/data"), "").dataDir())
                .isEqualTo(Path.of("/data/jobwitness"));
    }

    @Test
    void aFlagWinsOverTheEnvironmentAndThatOverTheFile() throws Exception {
        String file = "# a comment\nPORT=1\nHOST='127.0.0.1'\nDEFAULT_CLUSTER=\"alpha\"\n";
        ServerConfig config = read(List.of("--port", "3"), Map.of("PORT", "2", "DEFAULT_CLUSTER", "beta"), file);
        assertThat(config.port()).isEqualTo(3);
        assertThat(config.defaultCluster()).isEqualTo("beta");
        assertThat(config.host()).isEqualTo("127.0.0.1");
    }

    @Test
    void whatIsKeptLongerMayBeKeptEquallyLong() throws Exception {
        ServerConfig config = read(List.of("--metrics-retention-days=30", "--job-retention-days=30",
                "--audit-retention-days=30"), Map.of(), "");
        assertThat(List.of(config.metricsRetention(), config.jobRetention(), config.auditRetention()))
                .containsOnly(Duration.ofDays(30));
    }

    @Test
    void noneIsADecisionAndUnsetIsNot() throws Exception {
        assertThat(read(List.of(), Map.of("SCHEDULER_BACKEND", ""), "").schedulerChosen()).isFalse();
        for (String decision : List.of("SCHEDULER_BACKEND=none", "SCHEDULER_BACKEND=mock", "SEED_DEMO=true")) {
            assertThat(read(List.of(), Map.of(), decision + "\n").schedulerChosen()).as(decision).isTrue();
        }
    }

    /** As in containers that start together, of which one writes it: the server works without Slurm meanwhile. */
    @Test
    void aTokenFileMayComeLaterThanTheServer() throws Exception {
        assertThat(read(List.of("--scheduler-backend=slurm", "--slurm-base-url=http://slurm:6820",
                "--slurm-auth-token-file=/no/such"), Map.of(), "").slurm())
                .hasValueSatisfying(slurm -> assertThat(slurm.access()).asInstanceOf(type(Reconciliation.Rest.class))
                        .returns(new AuthToken.InFile(Path.of("/no/such")), Reconciliation.Rest::token));
    }

    @Test
    void bothFormsOfTheDatabasesUrlAreTheSame() throws Exception {
        DatabaseAddress expected = new DatabaseAddress("jdbc:postgresql://db.example.org:5433/jobs?sslmode=require",
                "hpc",
                "p@ss/word");
        for (String url : List.of("postgres://hpc:p%40ss%2Fword@db.example.org:5433/jobs?sslmode=require",
                "jdbc:postgresql://db.example.org:5433/jobs?user=hpc&password=p%40ss%2Fword&sslmode=require")) {
            assertThat(read(List.of("--database-url=" + url), Map.of(), "").database()).contains(expected);
        }
        assertThat(expected.toString()).doesNotContain("word");
    }

    /** An editor's encoding is no reason not to start. */
    @Test
    void aCommentMayBeInAnyEncoding() throws Exception {
        Path dotEnv = Files.write(folder.resolve(".env"),
                "# gr\u00f6\u00dfer\nPORT=9001\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(ServerConfig.read(List.of(), Map.of(), dotEnv).port()).isEqualTo(9001);
    }

    private ServerConfig read(List<String> flags, Map<String, String> environment, String file) throws Exception {
        Path dotEnv = Files.writeString(folder.resolve(".env"), file);
        return ServerConfig.read(flags, environment, dotEnv);
    }
}
