package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.ops.Retention;
import org.jobwitness.server.testing.Logged;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** Samples, runs and audit trail of which some are older than they have to be kept, in a real PostgreSQL. */
@OnEachPostgres
class RetentionTest {
    private static final Instant THEN = Instant.parse("2024-02-28T12:00:00Z");
    private static final Instant NOW = THEN.plus(Duration.ofDays(120));
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String SUCCESS = "jobwitness_retention_last_success_timestamp_seconds ";
    private static final int OLD_RUNS = 2345;
    private static final Path NO_FILE = Path.of("/nonexistent");

    @Parameter
    PostgresVersion version;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final Logged log = new Logged(Retention.class);
    private DatabaseAddress address;
    private Database database;

    @BeforeEach
    void someOfItIsOld() {
        address = version.emptyDatabase();
        database = openAt(THEN);
        execute("insert into chunk values (1, 'n1', '', '2024-02-28T12:00:00Z', '2024-02-28T12:00:00Z', 1, '{}', '{}', '{}', '')");
        execute("insert into audit (at, job_key, cluster, job_id, action, actor, correlation_id)"
                + " values ('2024-02-28T12:00:00Z', 1, 'c', 'j', 'created', 'a', 'x'),"
                + " ('2024-06-01T12:00:00Z', 1, 'c', 'j', 'created', 'a', 'x')");
        runs("'old' || i", OLD_RUNS, THEN, "completed");
        runs("'new'", 1, NOW.minus(Duration.ofDays(59)), "failed");
        runs("'open'", 1, THEN, "running");
        execute("insert into agent_batches (cluster, node, boot_id, stored, last_at) values ('c', 'n', 'old', '{[1,5)}', '"
                + NOW.minus(Duration.ofDays(62)) + "'), ('c', 'n', 'new', '{[1,5)}', '" + NOW.minus(Duration.ofDays(60))
                + "')");
    }

    private void runs(String jobId, int count, Instant ended, String state) {
        execute("insert into job (recorded_at, cluster, job_id, start_seen, start_time, end_time, nodes, gpu_devices,"
                + " end_seen, oom_killed, superseded, requeued, state, newest) select '" + THEN + "', 'c', " + jobId
                + ", true, '" + THEN + "', "
                + (state.equals("running") ? "null" : "cast('" + ended + "' as timestamptz)")
                + ", '{n1}', '{}', true, false, false, false, '" + state + "', true from generate_series(1, " + count
                + ") i");
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
        log.close();
    }

    @Test
    void whatIsOldLeavesAndIsSaidOnceAndPlaceIsMadeForWhatIsToCome() throws Exception {
        PrometheusRegistry metrics = start(database, NOW);
        Waiting.until("it is done", PATIENCE, () -> scrape(metrics).contains(SUCCESS));

        assertThat(log.lines()).containsExactly("INFO retention_done samples_days=22 runs=" + OLD_RUNS
                + " audit_months=2");
        assertThat(texts("select job_id from job order by 1")).containsExactly("new", "open");
        assertThat(texts("select boot_id from agent_batches")).containsExactly("new");
        assertThat(texts("select at::text from audit")).containsExactly("2024-06-01 12:00:00+00");
        assertThat(texts("select to_regclass('audit_2024_03')::text")).containsExactly((String) null);
        assertThat(texts("select to_regclass('audit_2024_04')::text")).containsExactly("audit_2024_04");
        execute("insert into chunk values (1, 'n1', '', '" + NOW.minus(Duration.ofDays(7)) + "', '"
                + NOW.minus(Duration.ofDays(7)) + "', 1, '{}', '{}', '{}', ''), "
                + "(1, 'n1', '', '" + NOW.plus(Duration.ofDays(14)) + "', now(), 1, '{}', '{}', '{}', '')");
        assertThat(scrape(metrics)).contains("\njobwitness_retention_runs_deleted_total " + OLD_RUNS + ".0\n",
                "\njobwitness_retention_partitions_dropped_total{table=\"chunk\"} 22.0\n",
                "\njobwitness_retention_partitions_dropped_total{table=\"audit\"} 2.0\n",
                "\n" + SUCCESS + (double) NOW.getEpochSecond() + "\n");

        PrometheusRegistry again = new PrometheusRegistry();
        assertThat(OneTurn.take(database, "retention", retention(database, NOW, again)::run)).isTrue();
        assertThat(scrape(again)).contains(SUCCESS);
        assertThat(log.lines()).hasSize(1);
        assertThat(scrape(again)).contains("\njobwitness_retention_runs_deleted_total 0.0\n",
                "\njobwitness_retention_partitions_dropped_total{table=\"audit\"} 0.0\n");
    }

    @Test
    void ofSeveralServersEachThingIsDoneByOne() throws Exception {
        List<PrometheusRegistry> servers = new ArrayList<>();
        for (int server = 0; server < 3; server++) {
            servers.add(start(openAt(THEN), NOW));
        }
        Waiting.until("somebody has done it", PATIENCE,
                () -> servers.stream().anyMatch(metrics -> scrape(metrics).contains(SUCCESS)));
        assertThat(servers.stream().filter(metrics -> scrape(metrics)
                .contains("\njobwitness_retention_runs_deleted_total " + OLD_RUNS + ".0\n"))).hasSize(1);
        assertThat(log.lines()).hasSize(1);
    }

    @Test
    void whatCannotBeDroppedHoldsUpNothingElseAndIsNoSuccess() throws Exception {
        execute("create view of_somebody as select * from chunk_2024_02_22");
        PrometheusRegistry metrics = start(database, NOW);
        Waiting.until("the rest is done", PATIENCE, () -> !log.lines().isEmpty()
                && log.lines().getLast().contains("retention_done"));
        assertThat(log.lines()).hasSize(2);
        assertThat(log.lines().getFirst()).startsWith("WARNING partition_drop_failed partition=chunk_2024_02_22 ")
                .contains("other objects depend on it");
        assertThat(log.lines().getLast()).isEqualTo("INFO retention_done samples_days=21 runs=" + OLD_RUNS
                + " audit_months=2");
        assertThat(scrape(metrics)).doesNotContain(SUCCESS);
    }

    @Test
    void aClockThatIsFarAheadDeletesNothing() throws Exception {
        List<String> before = texts("select count(*)::text from job union all select count(*)::text from chunk"
                + " union all select count(*)::text from audit union all select count(*)::text from pg_inherits");
        try (Logged failures = new Logged(LeaderTask.class)) {
            start(database, Instant.now().plus(Duration.ofHours(2)));
            Waiting.until("it is said", PATIENCE, () -> !failures.lines().isEmpty());
            assertThat(failures.lines()).containsExactly("SEVERE retention_failed");
        }
        assertThat(texts("select count(*)::text from job union all select count(*)::text from chunk"
                + " union all select count(*)::text from audit union all select count(*)::text from pg_inherits"))
                .isEqualTo(before);
    }

    /** The database's clock jumps with it, as with an embedded one: it is today's, long after these times. */
    @Test
    void aClockThatJumpedAheadDeletesNothingUntilAnOperatorConfirmsIt() throws Exception {
        assertThat(OneTurn.take(database, "retention", retention(database, THEN, new PrometheusRegistry())::run))
                .isTrue();
        Retention jumped = retention(database, NOW, new PrometheusRegistry());
        assertThat(OneTurn.take(database, "retention", jumped::run)).isFalse();
        assertThat(texts("select count(*)::text from job where job_id like 'old%'"))
                .containsExactly(String.valueOf(OLD_RUNS));
        assertThat(texts("select to_regclass('chunk_2024_07_04')::text")).as("what comes has its place")
                .containsExactly("chunk_2024_07_04");

        String url = address.jdbcUrl() + "&user=" + address.user() + "&password=" + address.password();
        assertThat(RetentionCommand.run(List.of("--database-url=" + url), Map.of(), NO_FILE)).isEqualTo(2);
        assertThat(RetentionCommand.run(List.of("--confirm", "--database-url=" + url), Map.of(), NO_FILE)).isZero();
        assertThat(OneTurn.take(database, "retention", jumped::run)).isTrue();
        assertThat(texts("select count(*)::text from job where job_id like 'old%'")).containsExactly("0");
    }

    @Test
    void aReaderWhoStopsAfterAWhileIsWaitedFor() throws Exception {
        try (Connection reader = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                Statement read = reader.createStatement()) {
            reader.setAutoCommit(false);
            read.execute("select count(*) from chunk");
            PrometheusRegistry metrics = start(database, NOW);
            Waiting.until("runs are deleted and a drop was tried", PATIENCE, () -> texts("select count(*)::text"
                    + " from job where job_id like 'old%'").equals(List.of("0"))
                    && texts("select 'waits' from pg_locks where not granted").contains("waits"));
            reader.rollback();
            Waiting.until("it is done", PATIENCE, () -> scrape(metrics).contains(SUCCESS));
        }
    }

    private Database openAt(Instant now) {
        Database opened = TestPostgres.open(address, partitions(now));
        open.addFirst(opened);
        return opened;
    }

    private static Partitions partitions(Instant now) {
        return new Partitions(Duration.ofDays(7), Duration.ofDays(80), Clock.fixed(now, ZoneOffset.UTC));
    }

    /** As the server does, but for the time. */
    private PrometheusRegistry start(Database on, Instant now) {
        PrometheusRegistry metrics = new PrometheusRegistry();
        LeaderTask task = new LeaderTask(on, "retention", Duration.ofHours(1), retention(on, now, metrics)::run);
        open.addFirst(task);
        task.start();
        return metrics;
    }

    private static Retention retention(Database on, Instant now, PrometheusRegistry metrics) {
        Clock clock = Clock.fixed(now, ZoneOffset.UTC);
        return new Retention(on, partitions(now), new JobDeletion(new JobTable(on, new Json(), clock), on, new Json()),
                Duration.ofDays(60), clock, metrics);
    }

    private static String scrape(PrometheusRegistry metrics) {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            PrometheusTextFormatWriter.create().write(out, metrics.scrape());
            return "\n" + out.toString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    private void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }
}
