package org.jobwitness.server.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.say;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.report.ParquetFile.Column;
import org.jobwitness.server.report.ParquetFile.Kind;
import org.jobwitness.server.testing.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of facts, read by another implementation of Parquet. */
class FactsExportTest {
    private static final LocalDate DAY = LocalDate.parse("2026-03-02");

    @TempDir
    Path folder;
    private TestDatabase db;
    private JobTable jobs;
    private DaySums sums;

    @BeforeEach
    void open() {
        db = new TestDatabase();
        jobs = new JobTable(db.database, new Json(), Clock.systemUTC());
        sums = new DaySums(db.database, Duration.ofDays(7), Clock.systemUTC());
    }

    @AfterEach
    void close() {
        db.close();
    }

    private Map<LocalDate, Long> export(LocalDate to, boolean again) throws IOException {
        Map<LocalDate, Long> days = new LinkedHashMap<>();
        new FactsExport(db.database).write(folder, DAY, to, again, days::put);
        return days;
    }

    private void ran(String job, String end) {
        say(jobs,
                "started job=" + job + " start=10:00 user=jürgen uid=1001 account=phys partition=p nodes=n1,n2 cpus=10"
                        + " memory_mb=1024 at=10:00");
        say(jobs, "finished job=" + job + " start=10:00 at=12:00 " + end);
        while (sums.addEnded(Instant.parse("2099-01-01T00:00:00Z"))) {
            // some are left
        }
    }

    private static long rows(Path file) throws IOException {
        try (ParquetFileReader reader = ParquetFileReader.open(InputFile.of(file));
                RowReader rows = reader.rowReader()) {
            long count = 0;
            for (; rows.hasNext(); count++) {
                rows.next();
            }
            return count;
        }
    }

    @Test
    void aDayHasARowForEachRunWithWhatIsKnownAndNoMore() throws IOException {
        ran("1", "exit=3:0");
        db.execute("""
                insert into job_figures (job_key, node, sample_count, covered_ms, cpu_count, cpu_sum, cpu_usage_usec)
                select job_key, 'n1', 480, 7200000, 480, 4800, 9000000000 from job""");
        sums.correctFrom(new DaySums.Position(LocalDate.EPOCH, 0));
        ran("2", "exit=0:0");
        assertThat(new FactsExport(db.database).firstDay()).contains(DAY);
        assertThat(export(DAY.plusDays(2), false)).containsExactly(Map.entry(DAY, 2L), Map.entry(DAY.plusDays(1), 0L));
        try (ParquetFileReader reader = ParquetFileReader
                .open(InputFile.of(folder.resolve("facts-2026-03-02.parquet")));
                RowReader row = reader.rowReader()) {
            row.next();
            assertThat(row.getString("job_id")).isEqualTo("1");
            assertThat(row.getString("user")).isEqualTo("jürgen");
            assertThat(row.getLong("uid")).isEqualTo(1001);
            assertThat(row.getString("nodes")).isEqualTo("n1,n2");
            assertThat(row.getTimestamp("end_time")).isEqualTo(Instant.parse("2026-03-02T12:00:00Z"));
            assertThat(row.getString("state")).isEqualTo("failed");
            assertThat(row.getString("reason")).isEqualTo("exit_code");
            assertThat(row.getLong("exit_code")).isEqualTo(3);
            assertThat(row.getDouble("cpu_seconds")).isEqualTo(72_000);
            assertThat(row.getDouble("cpu_seconds_measured")).isEqualTo(36_000);
            assertThat(row.getDouble("cpu_seconds_used")).isEqualTo(9_000);
            assertThat(row.getDouble("cpu_seconds_wasted")).isEqualTo(27_000);
            assertThat(row.getDouble("memory_gib")).isEqualTo(1);
            assertThat(row.isNull("gpu_model")).isTrue();
            assertThat(row.isNull("name")).isTrue();
            row.next();
            assertThat(row.isNull("cpu_seconds_used")).as("not measured").isTrue();
            assertThat(row.hasNext()).isFalse();
        }
    }

    @Test
    void daysThatAreThereAreLeftOutAndNothingHalfIsLeft() throws IOException {
        ran("1", "exit=0:0");
        Path file = folder.resolve("facts-2026-03-02.parquet");
        Files.writeString(folder.resolve(".facts-2026-03-02.parquet.part"), "of a run that was killed");
        export(DAY.plusDays(1), false);
        assertThat(rows(file)).isEqualTo(1);
        ran("2", "exit=0:0");
        assertThat(export(DAY.plusDays(1), false)).containsEntry(DAY, -1L);
        assertThat(rows(file)).isEqualTo(1);
        assertThat(export(DAY.plusDays(1), true)).containsEntry(DAY, 2L);
        assertThat(rows(file)).isEqualTo(2);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void rowGroupsAndMissingValuesOfEachKindComeBack() throws IOException {
        List<Column> columns = List.of(new Column("t", Kind.TEXT), new Column("w", Kind.WHOLE),
                new Column("n", Kind.NUMBER), new Column("at", Kind.TIME));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        List<List<Object>> written = new ArrayList<>();
        try (ParquetFile file = new ParquetFile(out, columns)) {
            for (long i = 0; i < 45_003; i++) {
                List<Object> row = Arrays.asList(i % 7 == 0 ? null : "ü" + i, i % 3 == 0 ? null : Long.MAX_VALUE - i,
                        i % 5 == 0 ? null : i / 4.0, i % 2 == 0 ? null : Instant.ofEpochSecond(i, 123_456_000));
                written.add(row);
                file.add(row);
            }
        }
        List<List<Object>> read = new ArrayList<>();
        try (ParquetFileReader reader = ParquetFileReader.open(InputFile.of(ByteBuffer.wrap(out.toByteArray())));
                RowReader row = reader.rowReader()) {
            while (row.hasNext()) {
                row.next();
                read.add(Arrays.asList(row.isNull("t") ? null : row.getString("t"),
                        row.isNull("w") ? null : row.getLong("w"), row.isNull("n") ? null : row.getDouble("n"),
                        row.isNull("at") ? null : row.getTimestamp("at")));
            }
        }
        assertThat(read).isEqualTo(written);
    }
}
