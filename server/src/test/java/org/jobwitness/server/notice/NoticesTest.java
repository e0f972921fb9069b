package org.jobwitness.server.notice;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.Fact;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What users are told, when, and how often; the database, the mail command and the webhook's HTTP are real. */
class NoticesTest {
    private static final Instant T = Instant.parse("2026-11-23T10:00:00Z");
    private static final String SECRET = "a secret of some length";

    /** A server is killed: nothing that it would do next is done. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    @TempDir
    private Path folder;
    private Instant now = T;
    private final Clock clock = ((InstantSource) () -> now).withZone(ZoneOffset.UTC);
    private final List<JobFindings.Told> running = new ArrayList<>();
    private final List<String> posts = new CopyOnWriteArrayList<>();
    private final List<String> deliveries = new CopyOnWriteArrayList<>();
    private final List<String> signatures = new CopyOnWriteArrayList<>();
    private final AtomicInteger status = new AtomicInteger(200);
    private final AtomicInteger elsewhere = new AtomicInteger();
    private HttpServer hook;
    private Database database;

    @BeforeEach
    void open() throws IOException {
        database = TestPostgres.open(TestPostgres.freshDatabase(),
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
        Files.writeString(folder.resolve("secret"), SECRET + "\n");
        hook = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        hook.createContext("/hook", exchange -> {
            posts.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            deliveries.add(exchange.getRequestHeaders().getFirst("X-Jobwitness-Delivery"));
            signatures.add(exchange.getRequestHeaders().getFirst("X-Jobwitness-Signature"));
            exchange.getResponseHeaders().add("Location", "/elsewhere");
            exchange.sendResponseHeaders(status.get(), -1);
            exchange.close();
        });
        hook.createContext("/elsewhere", exchange -> {
            elsewhere.incrementAndGet();
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        hook.start();
    }

    @AfterEach
    void close() {
        hook.stop(0);
        database.close();
    }

    /** A command that keeps each mail with its arguments, as mail.N. */
    private NoticeSettings.Mail sendmail(String end) throws IOException {
        Path command = folder.resolve("sendmail");
        Files.writeString(command, """
                #!/bin/sh
                n=$(ls "%1$s" | grep -c '^mail')
                { echo "$@"; cat; } > "%1$s/mail.$n"
                %2$s
                """.formatted(folder, end));
        Files.setPosixFilePermissions(command, PosixFilePermissions.fromString("rwxr-xr-x"));
        return new NoticeSettings.Mail(new NoticeSettings.Command(command), "jobs@example.org",
                "{user}@users.example.org");
    }

    private List<String> mails() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<String> texts = new ArrayList<>();
            for (Path file : files.filter(file -> file.getFileName().toString().startsWith("mail.")).sorted()
                    .toList()) {
                texts.add(Files.readString(file));
            }
            return texts;
        }
    }

    private static String body(String mail) {
        return new String(Base64.getMimeDecoder().decode(mail.substring(mail.indexOf("\n\n"))),
                StandardCharsets.UTF_8);
    }

    private NoticeSettings settings(Optional<NoticeSettings.Mail> mail, boolean webhook) {
        return new NoticeSettings(mail, webhook
                ? Optional.of(new NoticeSettings.Webhook(
                        URI.create("http://127.0.0.1:" + hook.getAddress().getPort() + "/hook"),
                        folder.resolve("secret")))
                : Optional.empty(), EnumSet.of(FindingRule.GPU_IDLE, FindingRule.MEMORY_NEAR_LIMIT),
                Duration.ofHours(24), Duration.ofHours(1));
    }

    private Notices notices(NoticeSettings settings) {
        return new Notices(settings, database, (_, consumer) -> running.forEach(consumer),
                new PublicUrl(Optional.of("https://jobs.example.org")), new Json(), clock, new PrometheusRegistry());
    }

    private void round(NoticeSettings settings) throws InterruptedException {
        try (Notices notices = notices(settings)) {
            assertThat(OneTurn.take(database, "notices", notices::run)).isTrue();
        }
    }

    private JobFindings.Told job(String id, String user, FindingRule... rules) {
        return new JobFindings.Told("alpha", id, Long.parseLong(id), user, null, 0.984, now.minusSeconds(15),
                Stream.of(rules).map(rule -> new Verdict.Finding(rule, Severity.CRITICAL,
                        "Its 4 GPUs were idle for 42 minutes.", "Cancel it if it does not need them.",
                        now.minusSeconds(2520), now.minusSeconds(15), List.of(fact()), null)).toList(),
                List.of("#SBATCH --gpus=1"));
    }

    private static Fact fact() {
        return new Fact(Verdict.Source.AGENT, Verdict.Strength.PROOF, "A fact.", null, null, null, null);
    }

    @Test
    void theMailSaysWhatWasMeasuredAndWhatToDoAndTheCommandGetsTheAddress() throws Exception {
        running.add(job("7", "ada", FindingRule.GPU_IDLE, FindingRule.CPU_IDLE));
        round(settings(Optional.of(sendmail("exit 0")), false));
        assertThat(mails()).hasSize(1);
        assertThat(mails().getFirst()).startsWith("-i -f jobs@example.org ada@users.example.org\n")
                .contains("\nFrom: jobwitness <jobs@example.org>\nTo: <ada@users.example.org>\n"
                        + "Subject: Job 7: idle GPUs\nDate: Mon, 23 Nov 2026 10:00:00 GMT\n",
                        "\nAuto-Submitted: auto-generated\n");
        assertThat(body(mails().getFirst())).isEqualTo("""
                Job 7 on cluster alpha, running at 2026-11-23T10:00:00Z:
                  Its 4 GPUs were idle for 42 minutes.
                  Measured from 2026-11-23T09:18:00Z to 2026-11-23T09:59:45Z; samples cover
                  98 % of the time that the job has had its nodes.
                  What to do: Cancel it if it does not need them.
                    #SBATCH --gpus=1
                  More: https://jobs.example.org/jobs/7?run=7

                jobwitness only measures: it ends no job. You get at most one such message in
                60 minutes, and the same of a job again after 24 hours if it still is so.
                To get none: jobwitness notices off
                """);
    }

    @Test
    void aFindingIsToldAgainAfterTheCoolDownAndManyJobsAreOneMail() throws Exception {
        NoticeSettings settings = settings(Optional.of(sendmail("exit 0")), false);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        for (int id = 8; id < 40; id++) {
            running.add(job(Integer.toString(id), "ada", FindingRule.MEMORY_NEAR_LIMIT));
        }
        running.add(job("50", "bob", FindingRule.GPU_IDLE));
        now = T.plus(Duration.ofMinutes(30));
        running.replaceAll(job -> job(job.jobId(), job.user(), job.findings().getFirst().rule()));
        round(settings);
        assertThat(mails()).as("ada waits, bob does not").hasSize(2);
        now = T.plus(Duration.ofMinutes(61));
        running.clear();
        round(settings);
        assertThat(mails()).hasSize(3);
        assertThat(mails().getLast()).contains("\nSubject: 32 jobs: memory near its limit\n");
        assertThat(body(mails().getLast())).contains("And 12 more, not listed here.");
        now = T.plus(Duration.ofHours(23));
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        assertThat(mails()).as("within the cool-down").hasSize(3);
        now = T.plus(Duration.ofHours(25));
        running.set(0, job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        round(settings);
        assertThat(mails()).hasSize(4);
    }

    @Test
    void whoWantsNoneAndWhoseReadingsAreOldIsToldNothing() throws Exception {
        NoticeSettings settings = settings(Optional.of(sendmail("exit 0")), true);
        new NoticeTable(database, new Json()).refuse("ada", true, now);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        running.add(job("8", "", FindingRule.GPU_IDLE));
        JobFindings.Told job = job("9", "bob", FindingRule.GPU_IDLE);
        now = T.plus(Duration.ofMinutes(11));
        running.add(job);
        round(settings);
        assertThat(mails()).isEmpty();
        assertThat(posts).isEmpty();
        new NoticeTable(database, new Json()).refuse("ada", false, now);
        running.set(0, job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        assertThat(mails()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-oX/tmp/x", "a b", "a@b", "a\nBcc: x", "..", "a..b", "ada.", "\"a\"", "a;reboot", "ä",
            "a'b"})
    void aNameThatDoesNotGoIntoAnAddressGetsNoMail(String name) throws Exception {
        running.add(job("7", name, FindingRule.GPU_IDLE));
        round(settings(Optional.of(sendmail("exit 0")), false));
        assertThat(mails()).isEmpty();
    }

    @Test
    void whatTheCommandRefusesForNowIsTriedAgainAndNotForEver() throws Exception {
        NoticeSettings settings = settings(Optional.of(sendmail("echo 'queue is full' >&2; exit 75")), false);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        for (int i = 0; i < 12; i++) {
            round(settings);
            now = now.plus(Duration.ofMinutes(60));
        }
        assertThat(mails()).hasSize(6);
        try (Notices notices = notices(settings)) {
            assertThat(notices.problem().orElseThrow()).startsWith("mail: ").endsWith("exit code 75: queue is full");
        }
    }

    @Test
    void noSuchUserIsNotTriedAgain() throws Exception {
        NoticeSettings settings = settings(Optional.of(sendmail("exit 67")), false);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        now = now.plus(Duration.ofHours(2));
        round(settings);
        assertThat(mails()).hasSize(1);
    }

    @Test
    void aMailIsSentOnceThoughTheServerIsKilledBeforeOrAfterItIsHandedOver() throws Exception {
        NoticeSettings settings = settings(Optional.of(sendmail("exit 0")), false);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        List<String> handedOver = new ArrayList<>();
        try (Notices killed = notices(settings)) {
            killed.replace(Channel.MAIL, message -> {
                handedOver.add(message.subject());
                throw new Killed();
            });
            try {
                OneTurn.take(database, "notices", killed::run);
            } catch (Killed _) {
                // as the process would
            }
        }
        for (int i = 0; i < 3; i++) {
            now = now.plus(Duration.ofMinutes(5));
            round(settings);
        }
        assertThat(handedOver).hasSize(1);
        assertThat(mails()).as("whether it went out is not known").isEmpty();
        assertThat(result()).isEqualTo("unsure");
    }

    private String result() {
        return database.read("test", handle -> handle.createQuery("select result from notice_message")
                .mapTo(String.class).one());
    }

    @Test
    void aWebhookGetsSignedJsonAndAfterAKillTheSameDeliveryAgain() throws Exception {
        NoticeSettings settings = settings(Optional.empty(), true);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        try (Notices killed = notices(settings)) {
            WebhookSender real = new WebhookSender(settings.webhook().orElseThrow(), clock);
            killed.replace(Channel.WEBHOOK, message -> {
                real.send(message);
                throw new Killed();
            });
            try {
                OneTurn.take(database, "notices", killed::run);
            } catch (Killed _) {
                // as the process would
            }
        }
        now = now.plus(Duration.ofMinutes(5));
        round(settings);
        round(settings);
        assertThat(posts).hasSize(2);
        assertThat(posts.getFirst()).isEqualTo(posts.getLast()).contains("\"user\":\"ada\"", "\"job_id\":\"7\"",
                "\"rule\":\"gpu_idle\"", "\"coverage_percent\":98.0");
        assertThat(deliveries.getFirst()).isEqualTo(deliveries.getLast());
        String time = Long.toString(now.getEpochSecond());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        assertThat(signatures.getLast()).isEqualTo("t=" + time + ",v1=" + HexFormat.of()
                .formatHex(mac.doFinal((time + "." + posts.getLast()).getBytes(StandardCharsets.UTF_8))));
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 307, 404})
    void aWebhookThatPointsElsewhereOrRefusesIsNotFollowedNorTriedAgain(int answer) throws Exception {
        NoticeSettings settings = settings(Optional.empty(), true);
        status.set(answer);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        now = now.plus(Duration.ofHours(2));
        round(settings);
        assertThat(posts).hasSize(1);
        assertThat(elsewhere).hasValue(0);
        assertThat(result()).isEqualTo("failed");
    }

    @Test
    void aWebhookThatIsBusyIsTriedAgain() throws Exception {
        NoticeSettings settings = settings(Optional.empty(), true);
        status.set(503);
        running.add(job("7", "ada", FindingRule.GPU_IDLE));
        round(settings);
        status.set(204);
        now = now.plus(Duration.ofMinutes(1));
        round(settings);
        assertThat(posts).as("it waits longer").hasSize(1);
        now = now.plus(Duration.ofMinutes(2));
        round(settings);
        assertThat(posts).hasSize(2);
        assertThat(result()).isEqualTo("sent");
    }

    @Test
    void theDryRunGathersAsTheOutboxDoes() {
        List<Notice> found = Stream.of(0, 5, 50, 70, 300).map(minute -> Notice.of(
                job(Integer.toString(minute + 1), "ada", FindingRule.GPU_IDLE),
                job("1", "ada", FindingRule.GPU_IDLE).findings().getFirst(), T.plus(Duration.ofMinutes(minute))))
                .toList();
        assertThat(DryRun.digests("ada", found, Duration.ofHours(1)))
                .extracting(one -> Duration.between(T, one.at()).toMinutes() + ": " + one.notices().size())
                .containsExactly("0: 1", "60: 2", "120: 1", "300: 1");
    }
}
