package org.jobwitness.server.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.OneTurn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.testing.OnEachPostgres;
import org.jobwitness.server.testing.PostgresVersion;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;

/** What administrators can ask of packed history with SQL, as docs/packed-history.md shows it. */
@OnEachPostgres
class HistoryHourTest {
    private static final Path PAGE = Path.of("../docs/packed-history.md");
    private static final Pattern EXAMPLE = Pattern.compile("```text\n(select [^`]*?;)\n```\n\n```text\n([^`]*?)```",
            Pattern.DOTALL);
    private static final Instant START = Instant.parse("2024-02-28T12:00:00Z");
    private static final Duration RETENTION = Duration.ofDays(7);

    @Parameter
    PostgresVersion version;
    private final Clock clock = Clock.fixed(START.plus(Duration.ofMinutes(243)), ZoneOffset.UTC);
    private Database database;

    @BeforeEach
    void open() {
        database = TestPostgres.open(version.freshDatabase(),
                new Partitions(RETENTION, Duration.ofDays(800), Clock.systemUTC()));
        database.write("test", handle -> handle.execute("select chunk_partition(date '2024-02-28')"));
    }

    @AfterEach
    void close() {
        database.close();
    }

    /** A job on one node with one GPU: an hour and a half, a sample every minute, memory from 1 GiB up by 16 MiB each. */
    private void tell() {
        Identity identity = new Identity("alpha", "4711", null, START);
        JobAttributes attributes = JobAttributes.of("alice", null, List.of("n1"));
        JobTable jobs = new JobTable(database, new Json(), clock);
        jobs.apply(Caller.program("tester", "test", "correlation-1"),
                new Evidence.Started(identity, START, null, attributes, List.of(4), null));
        long run = database.read("test",
                handle -> handle.createQuery("select job_key from job").mapTo(Long.class).one());
        SampleStore store = new SampleStore(database, new Json(), RETENTION, clock, new PrometheusRegistry());
        List<Sample> samples = IntStream.range(0, 90).mapToObj(minute -> new Sample(run, "n1",
                START.plus(Duration.ofMinutes(minute)),
                Figures.ofJob().put(Figure.INTERVAL_MS, 60_000)
                        .put(Figure.CPU_USAGE_PERCENT, minute % 2 == 0 ? 100 : 50)
                        .put(Figure.MEMORY_USAGE_BYTES, (64L + minute) << 24).build(),
                false, Map.of(), List.of(new Sample.Gpu("GPU-a", GpuHold.ALONE, List.of(), GpuVendor.NVIDIA,
                        null, Figures.ofGpu().put(Figure.UTILIZATION_PERCENT, minute < 60 ? 87.5 : 0).build(),
                        Sample.Faults.NONE,
                        Map.of())),
                List.of()))
                .toList();
        database.write("test", handle -> store.add(handle, samples));
    }

    private void seal() throws InterruptedException {
        database.write("test", handle -> handle
                .execute("update sample_buffer set activated_at = timestamptz '" + START + "'"));
        Sealing sealing = new Sealing(database, RETENTION, clock, new PrometheusRegistry());
        assertThat(OneTurn.take(database, "sealing", sealing::run)).as("sealed").isTrue();
    }

    @Test
    void theQueryOfThePageAnswersWhatThePageShows() throws Exception {
        String page = Files.readString(PAGE);
        Matcher example = EXAMPLE.matcher(page);
        assertThat(example.find()).as("an example in %s", PAGE).isTrue();
        tell();
        assertThat(table(example.group(1))).as("before it is packed").hasSize(2);
        seal();
        assertThat(String.join("\n", table(example.group(1))) + "\n").isEqualTo(example.group(2));
        assertThat(example.find()).as("one example").isFalse();
    }

    /** As psql shows it, but for the count of the rows. */
    private List<String> table(String sql) {
        List<List<String>> rows = database.read("test", handle -> {
            List<List<String>> all = new ArrayList<>();
            try (var statement = handle.getConnection().createStatement(); var result = statement.executeQuery(sql)) {
                var about = result.getMetaData();
                List<String> head = new ArrayList<>();
                for (int i = 1; i <= about.getColumnCount(); i++) {
                    head.add(about.getColumnLabel(i));
                }
                all.add(head);
                while (result.next()) {
                    List<String> row = new ArrayList<>();
                    for (int i = 1; i <= head.size(); i++) {
                        row.add(result.getString(i) == null ? "" : result.getString(i));
                    }
                    all.add(row);
                }
            }
            return all;
        });
        List<Integer> widths = IntStream.range(0, rows.getFirst().size())
                .mapToObj(i -> rows.stream().mapToInt(row -> row.get(i).length()).max().orElse(0)).toList();
        List<String> lines = new ArrayList<>();
        for (List<String> row : rows) {
            lines.add(IntStream.range(0, row.size())
                    .mapToObj(i -> String.format(Locale.ROOT, "%-" + widths.get(i) + "s", row.get(i)))
                    .collect(Collectors.joining(" | ")).stripTrailing());
            if (lines.size() == 1) {
                lines.add(widths.stream().map("-"::repeat).collect(Collectors.joining("-+-")));
            }
        }
        return lines;
    }

    @Test
    void theTableOfFiguresIsTheCatalogue() throws Exception {
        seal();
        List<String> known = database.read("test", handle -> handle.createQuery(
                "select concat_ws(' ', of, number, name, unit, is_counter::text) from figure").mapTo(String.class)
                .list());
        assertThat(known).containsExactlyInAnyOrderElementsOf(Stream.of(Figure.values())
                .map(figure -> figure.of().name().toLowerCase(Locale.ROOT) + " " + figure.number() + " " + figure + " "
                        + figure.unit() + " " + figure.isCounter())
                .toList());
    }

    @Test
    void whatCameLateIsInTheSameHour() throws Exception {
        tell();
        seal();
        long run = database.read("test",
                handle -> handle.createQuery("select job_key from job").mapTo(Long.class).one());
        SampleStore store = new SampleStore(database, new Json(), RETENTION, clock, new PrometheusRegistry());
        database.write("test", handle -> store.add(handle, List.of(new Sample(run, "n1", START.plusSeconds(30),
                Figures.ofJob().put(Figure.MEMORY_USAGE_BYTES, 1).build()))));
        seal();
        assertThat(table("select hour, min, samples from history_hour where figure = 'memory_usage_bytes' and hour = '"
                + START + "'")).hasSize(3).last().asString().isEqualTo("2024-02-28 12:00:00+00 | 1   | 61");
    }

    @Test
    void thePageNamesAllColumnsOfTheView() throws IOException {
        assertThat(table("select * from history_hour").getFirst().split(" +\\| +"))
                .allSatisfy(column -> assertThat(Files.readString(PAGE)).contains("`" + column.strip() + "`"));
    }
}
