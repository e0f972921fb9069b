package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.server.db.Partition.Parent;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which partitions are made and dropped, when, and whom that holds up, in a real PostgreSQL. */
@OnEachPostgres
class PartitionsTest {
    private static final Instant START = Instant.parse("2024-02-28T23:30:00Z");
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LONGEST_STALL = Duration.ofSeconds(1);

    private static DatabaseAddress started;

    @Parameter
    PostgresVersion version;
    private Database database;

    @BeforeParameterizedClassInvocation
    static void aServerHasStarted(PostgresVersion version) {
        started = version.emptyDatabase();
        TestPostgres.open(started, at(START)).close();
    }

    @BeforeEach
    void open() {
        database = TestPostgres.open(version.copyOf(started), at(START));
    }

    @AfterEach
    void close() {
        database.close();
    }

    private static Partitions at(Instant now) {
        return new Partitions(Duration.ofDays(7), Duration.ofDays(60), Clock.fixed(now, ZoneOffset.UTC));
    }

    private static Partitions at(String now) {
        return at(Instant.parse(now));
    }

    @Test
    void beforeTheDatabaseIsReadyThereIsAPlaceForAllThatMayCome() {
        assertThat(tables(Parent.CHUNK)).hasSize(22).startsWith("chunk_2024_02_21", "chunk_2024_02_22")
                .contains("chunk_2024_02_29").endsWith("chunk_2024_03_12", "chunk_2024_03_13");
        assertThat(tables(Parent.AUDIT)).hasSize(16).startsWith("audit_2024_02", "audit_2024_03")
                .endsWith("audit_2025_05");
        assertThat(missing(at(START))).isEmpty();
    }

    @Test
    void aLongRetentionDoesNotDelayTheFirstStart() {
        Partitions years = new Partitions(Duration.ofDays(3650), Duration.ofDays(3650),
                Clock.fixed(START, ZoneOffset.UTC));
        try (Database other = TestPostgres.open(version.emptyDatabase(), years)) {
            assertThat(other.<List<Partition>>read("test", years::missing)).hasSize(3650 + 31 - 100)
                    .allMatch(partition -> partition.to().isBefore(START)).endsWith(Parent.CHUNK.at(
                            START.minus(Duration.ofDays(3650).plusHours(1))));
        }
    }

    @Test
    void asTimePassesTheNextOnesAreMade() {
        Partitions later = at("2024-03-25T00:30:00Z");
        assertThat(missing(later)).extracting(Partition::name).as("the future first, then back")
                .startsWith("audit_2025_06", "chunk_2024_03_24", "chunk_2024_03_25")
                .containsSequence("chunk_2024_04_08", "chunk_2024_03_23").endsWith("chunk_2024_03_17");
        makeMissing(later);
        assertThat(missing(later)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"2024-02-29 00:00:00+00, chunk_2024_02_29", "2024-02-28 23:59:59.999999+00, chunk_2024_02_28",
            "2024-02-29 23:59:59.999999+00, chunk_2024_02_29", "2024-03-01 12:00:00+13, chunk_2024_02_29",
            "2024-03-01 00:00:00+00, chunk_2024_03_01"})
    void aDayIsADayInUtcWhateverTheSessionThinks(String at, String table) {
        assertThat(database.<String>write("test", handle -> {
            handle.execute("set local timezone = 'Pacific/Auckland'");
            return handle.createQuery(
                    "insert into chunk values (1, 'n1', '', '" + at + "', '" + at + "', 1, '{}', '{}', '{}', '')"
                            + " returning tableoid::regclass::text")
                    .mapTo(String.class).one();
        })).isEqualTo(table);
    }

    @ParameterizedTest
    @CsvSource({
            "2024-02-29T00:59:59.999999Z, ''", "2024-02-29T01:00:00Z, chunk_2024_02_21",
            "2024-03-01T00:59:59.999999Z, chunk_2024_02_21",
            "2024-03-01T01:00:00Z, chunk_2024_02_21 chunk_2024_02_22"})
    void aDayIsOldWhenItsLastMomentIsOlderThanTheRetentionAndAnHour(Instant now, String old) {
        assertThat(old(at(now), Parent.CHUNK)).isEqualTo(old);
    }

    @ParameterizedTest
    @CsvSource({
            "2024-04-30T00:59:59.999999Z, ''", "2024-04-30T01:00:00Z, audit_2024_02",
            "2024-05-31T00:59:59.999999Z, audit_2024_02", "2024-05-31T01:00:00Z, audit_2024_02 audit_2024_03"})
    void aMonthIsOldWhenItsLastMomentIsOlderThanTheRetentionAndAnHour(Instant now, String old) {
        assertThat(old(at(now), Parent.AUDIT)).isEqualTo(old);
    }

    @Test
    void whatIsNotOldIsNeverMissingAndWhatIsOldIsNeverMade() {
        for (Instant now = START; now
                .isBefore(START.plus(Duration.ofDays(3))); now = now.plus(Duration.ofMinutes(30))) {
            Partitions partitions = at(now);
            makeMissing(partitions);
            dropOld(partitions);
            assertThat(missing(partitions)).as("%s", now).isEmpty();
            assertThat(Instant.parse(tables(Parent.CHUNK).getFirst().substring(6).replace('_', '-') + "T00:00:00Z"))
                    .as("%s", now).isBeforeOrEqualTo(now.minus(Duration.ofDays(7)));
        }
        assertThat(tables(Parent.CHUNK)).startsWith("chunk_2024_02_24").endsWith("chunk_2024_03_16");
    }

    @Test
    void aDroppedDayTakesItsSamplesAndNoOthersWithIt() {
        execute("insert into chunk select 1, 'n1', '', at, at, 1, '{}', '{}', '{}', ''"
                + " from generate_series('2024-02-21T12:00:00Z'::timestamptz, '2024-02-28T12:00:00Z', '1 day') at");
        Partitions later = at("2024-03-02T12:00:00Z");
        dropOld(later);
        dropOld(later);
        assertThat(texts("select min(t0)::text || ' ' || count(*) from chunk"))
                .containsExactly("2024-02-24 12:00:00+00 5");
        assertThat(texts("select to_regclass('chunk_2024_02_21')::text")).containsExactly((String) null);
    }

    @Test
    void aDroppedMonthTakesItsTrailWithItAndTheRestStaysGuarded() {
        execute("insert into audit (at, job_key, cluster, job_id, action, actor, correlation_id) select"
                + " '2024-02-10T12:00:00Z'::timestamptz + month * interval '1 month', 1, 'c', 'j', 'created', 'a', 'x'"
                + " from generate_series(0, 2) month");
        dropOld(at("2024-05-15T00:00:00Z"));
        assertThat(texts("select at::text from audit order by at")).containsExactly("2024-03-10 12:00:00+00",
                "2024-04-10 12:00:00+00");
        for (String table : List.of("audit", "audit_2024_03", "audit_2025_04")) {
            for (String change : List.of("truncate " + table, "delete from " + table, "update " + table
                    + " set actor = 'b'")) {
                assertThat(attempt(change)).as(change).matches(
                        change.contains("2025_04") && !change.startsWith("truncate") ? "done" : "(?s).*append-only.*");
            }
        }
    }

    @Test
    void whatIsNotOursIsNeverDropped() {
        List<String> others = List.of("chunk_2001_01_01", "archive_2001_01_02", "chunk_2001_01_03",
                "chunk_2001_01_06", "chunk_2001_01_07", "elsewhere.chunk_2001_01_08", "chunk_2000_12_31",
                "chunk_rest", "chunk_2024_02_21", "chunks_2001_01_01", "job");
        for (String statement : List.of("create table chunk_2001_01_01 (like chunk)",
                "create table archive_2001_01_02 partition of chunk for values from ('2001-01-02 00:00:00+00')"
                        + " to ('2001-01-03 00:00:00+00')",
                "create table chunk_2001_01_03 partition of chunk for values from ('2001-01-03 00:00:00+00')"
                        + " to ('2001-01-05 00:00:00+00')",
                "create table chunk_2001_01_06 partition of chunk for values from ('2001-01-06 01:00:00+00')"
                        + " to ('2001-01-07 00:00:00+00')",
                "create table chunk_2001_01_07 partition of chunk for values from ('2001-01-07 00:00:00+00')"
                        + " to ('2001-01-08 00:00:00+00') partition by range (t0)",
                "create schema elsewhere",
                "create table elsewhere.chunk_2001_01_08 partition of chunk for values"
                        + " from ('2001-01-08 00:00:00+00') to ('2001-01-09 00:00:00+00')",
                "create table chunk_2000_12_31 partition of chunk for values from (minvalue)"
                        + " to ('2001-01-01 00:00:00+00')",
                "create table chunk_rest partition of chunk default",
                "alter table chunk detach partition chunk_2024_02_21",
                "create table chunks (at timestamptz) partition by range (at)",
                "create table chunks_2001_01_01 partition of chunks for values from ('2001-01-01 00:00:00+00')"
                        + " to ('2001-01-02 00:00:00+00')")) {
            execute(statement);
        }
        Partitions later = at("2030-01-01T00:00:00Z");
        dropOld(later);
        assertThat(tables(Parent.CHUNK)).doesNotContain("chunk_2024_02_22", "chunk_2024_03_13");
        for (String other : others) {
            assertThat(texts("select to_regclass('" + other + "')::text")).as(other).doesNotContainNull();
        }
        for (String ours : List.of("2001-01-01", "2001-01-03", "2001-01-06", "2001-01-07", "2001-01-08")) {
            assertThat(drop(later, Parent.CHUNK.at(Instant.parse(ours + "T00:00:00Z")))).isTrue();
        }
        for (String other : others) {
            assertThat(texts("select to_regclass('" + other + "')::text")).as(other).doesNotContainNull();
        }
    }

    @Test
    void makingOneHoldsUpNeitherReadersNorWriters() throws Exception {
        try (Connection reader = session(); Connection writer = session()) {
            run(reader, "select count(*) from chunk");
            run(writer,
                    "insert into chunk values (1, 'n1', '', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z', 1, '{}', '{}', '{}', '')");
            run(writer, "insert into audit (at, job_key, cluster, job_id, action, actor, correlation_id)"
                    + " values ('2024-02-29T00:00:00Z', 1, 'c', 'j', 'created', 'a', 'x')");

            makeMissing(at(START.plus(Duration.ofDays(40))));

            assertThat(tables(Parent.CHUNK)).contains("chunk_2024_04_22");
            assertThat(tables(Parent.AUDIT)).contains("audit_2025_06");
            reader.commit();
            writer.commit();
        }
    }

    @Test
    void manyWhoMakeTheSameAtOnceMakeItOnce() {
        Partitions later = at(START.plus(Duration.ofDays(10)));
        Partition first = missing(later).getFirst();
        try (ExecutorService servers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<CompletableFuture<Boolean>> made = IntStream.range(0, 8).mapToObj(_ -> CompletableFuture.supplyAsync(
                    () -> database.write("test", handle -> Partitions.create(handle, first)), servers)).toList();
            assertThat(made).allSatisfy(one -> assertThat(one.join()).isTrue());
        }
        assertThat(missing(later)).doesNotContain(first);
    }

    @Test
    void aSlowReaderHoldsUpTheDropButTheDropHoldsUpNobodyForLong() throws Exception {
        Partitions later = at("2024-02-29T12:00:00Z");
        Partition old = Parent.CHUNK.at(Instant.parse("2024-02-21T00:00:00Z"));
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong slowest = new AtomicLong();
        AtomicInteger inserts = new AtomicInteger();
        try (Connection reader = session()) {
            run(reader, "select count(*) from chunk where t0 < '2024-02-22T00:00:00Z'");
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                while (!stop.get()) {
                    long began = System.nanoTime();
                    execute("insert into chunk values (" + inserts.incrementAndGet()
                            + ", 'n1', '', '2024-02-29T11:00:00Z', now(), 1, '{}', '{}', '{}', '')");
                    slowest.accumulateAndGet(System.nanoTime() - began, Math::max);
                }
            }, Thread::startVirtualThread);
            for (int tries = 1; tries <= 10; tries++) {
                int before = inserts.get();
                assertThat(drop(later, old)).isFalse();
                Waiting.until("the writer goes on", PATIENCE, () -> inserts.get() > before + 1);
            }
            assertThat(tables(Parent.CHUNK)).contains(old.name());
            reader.rollback();
            Waiting.until("it is gone", PATIENCE, () -> drop(later, old));
            stop.set(true);
            writer.join();
        }
        assertThat(tables(Parent.CHUNK)).doesNotContain(old.name());
        assertThat(Duration.ofNanos(slowest.get())).isLessThan(LONGEST_STALL);
        assertThat(texts("select count(*)::text from chunk")).containsExactly(String.valueOf(inserts.get()));
    }

    private Connection session() throws SQLException {
        Connection connection = database.connect();
        connection.setAutoCommit(false);
        return connection;
    }

    private static void run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private List<Partition> missing(Partitions partitions) {
        return database.read("test", partitions::missing);
    }

    private void makeMissing(Partitions partitions) {
        missing(partitions).forEach(each -> database.write("test", handle -> Partitions.create(handle, each)));
    }

    private String old(Partitions partitions, Parent parent) {
        return database.read("test", handle -> partitions.expired(handle, parent)).stream().map(Partition::name)
                .collect(Collectors.joining(" "));
    }

    private void dropOld(Partitions partitions) {
        for (Parent parent : Parent.values()) {
            for (Partition old : database.read("test", handle -> partitions.expired(handle, parent))) {
                assertThat(drop(partitions, old)).isTrue();
            }
        }
    }

    private boolean drop(Partitions partitions, Partition partition) {
        return database.write("test", handle -> partitions.drop(handle, partition));
    }

    private List<String> tables(Parent parent) {
        return texts("select inhrelid::regclass::text from pg_inherits where inhparent = '" + parent
                + "'::regclass order by 1");
    }

    private List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    private void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }

    private String attempt(String sql) {
        try {
            execute(sql);
            return "done";
        } catch (IllegalStateException e) {
            return e.getMessage();
        }
    }
}
