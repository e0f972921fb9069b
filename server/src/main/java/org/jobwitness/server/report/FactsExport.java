package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.time;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ObjLongConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.report.ParquetFile.Column;
import org.jobwitness.server.report.ParquetFile.Kind;
import org.jspecify.annotations.Nullable;

/**
 * Writes what is known of each run that ended on a day as a Parquet file: who ran it and where, how it ended, what it had and used.
 * A file gets its name when it is whole, so that a kill leaves none that is not.
 */
public final class FactsExport {
    /** Each with the SQL that gives it, of {@code job} and {@code report_fact}; names and kinds stay as they are for ever. */
    private static final List<Map.Entry<Column, String>> COLUMNS = List.of(
            text("cluster", "job.cluster"), text("job_id", "job.job_id"), whole("run", "job.job_key"),
            text("user", "user_name"),
            whole("uid", "uid"), text("account", "account"), text("partition", "job.partition"),
            text("name", "scheduler ->> 'name'"), text("array_job_id", "scheduler ->> 'array_job_id'"),
            whole("array_task_id", "(scheduler ->> 'array_task_id')::bigint"),
            text("nodes", "array_to_string(nodes, ',')"),
            whole("node_count", "cardinality(nodes)"), text("gpu_model", "nullif(gpu_model, '')"),
            moment("submit_time", "(scheduler ->> 'submit_time')::timestamptz"), moment("start_time", "start_time"),
            moment("end_time", "end_time"), text("state", "job.state"), text("reason", "job.reason"),
            whole("exit_code", "exit_code"), whole("exit_signal", "exit_signal"), whole("cpus", "cpus"),
            whole("gpus", "gpus"), number("memory_gib", "memory_mb / 1024.0"),
            number("time_limit_seconds", "(scheduler ->> 'time_limit_minutes')::double precision * 60"),
            number("node_seconds", "node_ms / 1e3"), number("covered_seconds", "covered_ms / 1e3"),
            number("cpu_seconds", "cpu_ms / 1e3"), number("cpu_seconds_measured", "cpu_measured_ms / 1e3"),
            number("cpu_seconds_used", known("cpu_measured_ms", "cpu_used_ms / 1e3")),
            number("cpu_seconds_wasted", known("cpu_measured_ms", "cpu_wasted_ms / 1e3")),
            number("gpu_seconds", "gpu_ms / 1e3"), number("gpu_seconds_measured", "gpu_measured_ms / 1e3"),
            number("gpu_seconds_used", known("gpu_measured_ms", "gpu_used_ms / 1e3")),
            number("gpu_seconds_wasted", known("gpu_measured_ms", "gpu_wasted_ms / 1e3")),
            number("memory_gib_seconds", "memory_mib_s / 1024.0"),
            number("memory_gib_seconds_measured", "memory_measured_mib_s / 1024.0"),
            number("memory_gib_seconds_used", known("memory_measured_mib_s", "memory_used_mib_s / 1024.0")),
            number("memory_gib_seconds_wasted", known("memory_measured_mib_s", "memory_wasted_mib_s / 1024.0")),
            number("gpu_energy_joules", "nullif(gpu_energy_joules, 0)"));

    private final Database database;

    public FactsExport(Database database) {
        this.database = database;
    }

    private static Map.Entry<Column, String> text(String name, String sql) {
        return Map.entry(new Column(name, Kind.TEXT), sql);
    }

    private static Map.Entry<Column, String> whole(String name, String sql) {
        return Map.entry(new Column(name, Kind.WHOLE), "(" + sql + ")::bigint");
    }

    private static Map.Entry<Column, String> number(String name, String sql) {
        return Map.entry(new Column(name, Kind.NUMBER), "(" + sql + ")::double precision");
    }

    private static Map.Entry<Column, String> moment(String name, String sql) {
        return Map.entry(new Column(name, Kind.TIME), sql);
    }

    private static String known(String measured, String sql) {
        return "case when " + measured + " > 0 then " + sql + " end";
    }

    /**
     * Writes the file of each day that is not there yet, or of each.
     *
     * @param to the first day that is not written
     * @param again whether files that are there are replaced: records and samples may have come since
     * @param progress is given each day, and how many runs ended on it; of a day whose file is there, a negative number
     */
    public void write(Path folder, LocalDate from, LocalDate to, boolean again, ObjLongConsumer<LocalDate> progress)
            throws IOException {
        Files.createDirectories(folder);
        for (LocalDate day = from; day.isBefore(to); day = day.plusDays(1)) {
            Path file = folder.resolve("facts-" + day + ".parquet");
            progress.accept(day, !again && Files.exists(file) ? -1 : write(file, day));
        }
    }

    /** The first day of which runs are kept; empty if there is none. */
    public Optional<LocalDate> firstDay() {
        return database.read("facts_span", handle -> handle
                .createQuery(
                        "select greatest(min(day), (select max((ended_before at time zone 'UTC')::date) + 1 from job_deleted))"
                                + " from report_fact where node = ''")
                .mapTo(LocalDate.class).findOne());
    }

    private long write(Path file, LocalDate day) throws IOException {
        Path part = file.resolveSibling("." + file.getFileName() + ".part");
        long rows = 0;
        try {
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
                rows = database.readStreaming("facts", handle -> write(handle, out, day));
                channel.force(true);
            } catch (UncheckedIOException e) {
                throw Objects.requireNonNull(e.getCause());
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        return rows;
    }

    private static long write(Handle handle, OutputStream out, LocalDate day) {
        String sql = "select " + COLUMNS.stream()
                .map(column -> column.getValue() + " as f_" + column.getKey().name()).collect(Collectors.joining(", "))
                + " from report_fact join job using (job_key) where day = :day and node = '' order by job_key";
        try (ParquetFile file = new ParquetFile(out, COLUMNS.stream().map(Map.Entry::getKey).toList());
                Stream<List<@Nullable Object>> rows = Database.streaming(handle.createQuery(sql).bind("day", day))
                        .map((row, _) -> values(row)).stream()) {
            long count = 0;
            for (List<@Nullable Object> row : (Iterable<List<@Nullable Object>>) rows::iterator) {
                file.add(row);
                count++;
            }
            return count;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<@Nullable Object> values(ResultSet row) throws SQLException {
        List<@Nullable Object> values = new ArrayList<>();
        for (Map.Entry<Column, String> column : COLUMNS) {
            String name = "f_" + column.getKey().name();
            values.add(switch (column.getKey().kind()) {
                case TEXT -> row.getString(name);
                case WHOLE -> row.getObject(name, Long.class);
                case NUMBER -> row.getObject(name, Double.class);
                case TIME -> time(row, name);
            });
        }
        return values;
    }
}
