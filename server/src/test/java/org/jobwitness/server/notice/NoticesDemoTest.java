package org.jobwitness.server.notice;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.verdict.EvidenceReader;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.server.verdict.Thresholds;
import org.jobwitness.wire.FindingRule;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** On the simulated cluster users are told what the verdicts of their jobs say, and of nothing else. */
class NoticesDemoTest {
    private static final Set<FindingRule> RULES = EnumSet.of(FindingRule.GPU_IDLE, FindingRule.GPU_PARTLY_IDLE,
            FindingRule.MEMORY_NEAR_LIMIT);
    private static final Json JSON = new Json();

    private static TestServer server;
    private static Database database;
    private static JobFindings findings;

    @BeforeAll
    static void start() {
        server = TestServer.start("--seed-demo=true");
        database = TestPostgres.open(server.address(),
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
        findings = new JobFindings(new EvidenceReader(database, Clock.systemUTC()), Thresholds.USUAL);
    }

    @AfterAll
    static void stop() {
        database.close();
        server.close();
    }

    private static NoticeSettings settings(Set<FindingRule> rules) {
        return new NoticeSettings(Optional.empty(), Optional.of(new NoticeSettings.Webhook(
                URI.create("http://127.0.0.1:1/"), Path.of("secret"))), rules, Duration.ofHours(24),
                Duration.ofHours(1));
    }

    /** The findings that the API has of them, as job and rule. */
    private static Set<String> findingsOf(String jobs, Set<FindingRule> rules) {
        Set<String> found = new TreeSet<>();
        for (JsonNode job : server.get("/v1/jobs?limit=1000&" + jobs).json().required("jobs")) {
            String id = job.required("id").asString();
            JsonNode verdict = server.get("/v1/jobs/" + id + "/verdict?run=" + job.required("run").asString()).json();
            for (JsonNode finding : verdict.required("findings")) {
                if (rules.stream().anyMatch(rule -> rule.toString().equals(finding.required("rule").asString()))) {
                    found.add(id + " " + finding.required("rule").asString());
                }
            }
        }
        return found;
    }

    /** Half an hour and more of readings of two jobs with a GPU each, of which one is never used. */
    private static void readings(String idle, String busy, Instant start) {
        for (int i = 0; i < 25; i++) {
            Exchange stored = server.post("/v1/batches", """
                    {"version": 1, "node": "told1", "boot_id": "b", "sequence": %d, "timestamp": "%s",
                     "interval_ms": 100000, "jobs": [{"job_id": "%3$s", "memory_usage_bytes": 1},
                     {"job_id": "%4$s", "memory_usage_bytes": 1}],
                     "gpus": [{"gpu": "GPU-1", "job_id": "%3$s", "vendor": "nvidia", "utilization_percent": 0},
                     {"gpu": "GPU-2", "job_id": "%4$s", "vendor": "nvidia", "utilization_percent": 90}]}"""
                    .formatted(i + 1, start.plusSeconds(100L * (i + 1)), idle, busy));
            assertThat(stored.status()).as("%s", stored).isEqualTo(200);
        }
    }

    @Test
    void whoseJobsRunIsToldWhatTheirVerdictsFind() throws Exception {
        Instant start = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(2530);
        for (String job : List.of("990001", "990002")) {
            Exchange started = server.post("/v1/events/job-started", """
                    {"job_id": "%s", "user": "ada", "node_list": ["told1"], "node": "told1", "start_time": "%s",
                     "gpu_vendor": "nvidia", "gpu_devices": ["GPU-%s"]}""".formatted(job, start, job.charAt(5)));
            assertThat(started.status()).as("%s", started).isEqualTo(200);
        }
        readings("990001", "990002", start);
        List<String> sent = new ArrayList<>();
        try (Notices notices = new Notices(settings(RULES), database, findings, new PublicUrl(Optional.empty()), JSON,
                Clock.systemUTC(), new PrometheusRegistry())) {
            notices.replace(Channel.WEBHOOK, message -> sent.add(message.body()));
            assertThat(OneTurn.take(database, "notices", notices::run)).isTrue();
        }
        List<Notice> told = sent.stream().map(body -> JSON.object(body, Notices.Payload.class))
                .filter(payload -> payload.user().equals("ada")).flatMap(payload -> payload.notices().stream())
                .toList();
        assertThat(told).extracting(notice -> notice.jobId() + " " + notice.rule()).containsExactly("990001 gpu_idle");
        JsonNode finding = server.get("/v1/jobs/990001/verdict").json().required("findings").get(0);
        assertThat(told.getFirst().sentence()).isEqualTo(finding.required("sentence").asString());
        assertThat(told.getFirst().coveragePercent()).isBetween(95.0, 100.0);
    }

    @Test
    void theDryRunHasWhatTheVerdictsOfEndedRunsFind() {
        Instant to = Instant.now();
        DryRun dryRun = new DryRun(settings(RULES), database, findings, JSON);
        Set<String> told = new TreeSet<>();
        List<DryRun.Planned> planned = dryRun.plan(to.minus(Duration.ofDays(30)), to);
        planned.stream().flatMap(one -> one.notices().stream())
                .forEach(notice -> told.add(notice.jobId() + " " + notice.rule()));
        assertThat(told).isNotEmpty().isEqualTo(findingsOf("state=completed,failed,cancelled", RULES));

        ByteArrayOutputStream out = new ByteArrayOutputStream();
        dryRun.print(to.minus(Duration.ofDays(30)), to, new PrintStream(out, true, StandardCharsets.UTF_8));
        List<String> lines = Stream.of(out.toString(StandardCharsets.UTF_8).split("\n")).toList();
        assertThat(lines).hasSize(planned.size() + 1);
        assertThat(lines.getLast()).matches("\\d+ messages to \\d+ users").startsWith(planned.size() + " messages");
    }
}
