package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkCodec;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.chunk.UnreadableChunkException;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;

/**
 * Reads samples, packed or still in a buffer. One statement reads both, so that samples which are packed meanwhile are found
 * once, here or there. Duplicates are dropped.
 */
final class History {
    private static final Instant FIRST = Instant.parse("1970-01-01T00:00:00Z");
    private static final Instant LAST = Instant.parse("2200-01-01T00:00:00Z");
    private static final int ROWS_AT_ONCE = 500;
    private static final String READ = """
            select node, gpu, null as at, null as figures, t0, t1, data from chunk
            where job_key = ? and t0 >= ? and t1 >= ? and t0 < ? and gpu_selected and node_selected
            union all
            select node, gpu, at, figures, null, null, null from buffered_sample
            where job_key = ? and at >= ? and at < ? and gpu_selected and node_selected
            order by node, gpu, t0""";

    private static final String EXTENT = """
            select min(t0) as first, max(t1) as last, sum(rows) as rows from (
                select t0, t1, rows from chunk where job_key = :run
                union all
                select at, at, 1 from buffered_sample where job_key = :run) kept
            having count(*) > 0""";

    private History() {
    }

    /** From when to when there are samples of a run; empty if there are none. */
    static Optional<SampleStore.Extent> extent(Handle handle, long run) {
        return handle.createQuery(EXTENT).bind("run", run).map((row, _) -> new SampleStore.Extent(
                knownTime(row, "first"), knownTime(row, "last"), row.getLong("rows"))).findFirst();
    }

    /**
     * Selects samples of a run.
     *
     * @param figures all of a job, or all of GPUs
     * @param node null for all nodes
     * @param gpu null for all GPUs, where figures of GPUs are selected
     * @param from null for no bound
     * @param to exclusive; null for no bound
     */
    record Query(long run, List<Figure> figures, @Nullable String node, @Nullable String gpu,
            @Nullable Instant from, @Nullable Instant to) {
        Query {
            figures = List.copyOf(figures);
            if (figures.isEmpty() || figures.stream().map(Figure::of).distinct().count() > 1) {
                throw new IllegalArgumentException("figures of a job or figures of GPUs, and one at least: " + figures);
            }
        }

        Figure.Of of() {
            return figures.getFirst().of();
        }

        Instant start() {
            return from == null ? FIRST : from;
        }

        Instant end() {
            return to == null ? LAST : to;
        }
    }

    /**
     * Reads a series of each node, or GPU, that has samples; by node, then GPU. In the handle's transaction, which must be
     * READ COMMITTED: an older snapshot of what is packed does not fit a buffer that has been emptied since.
     */
    static void read(Handle handle, Query query, Consumer<Series> consumer) throws SQLException {
        try (PreparedStatement statement = handle.getConnection().prepareStatement(sql(query))) {
            statement.unwrap(PGStatement.class).setPrepareThreshold(-1);
            statement.setFetchSize(ROWS_AT_ONCE);
            bind(statement, query);
            try (ResultSet row = statement.executeQuery()) {
                SeriesBuilder series = null;
                while (row.next()) {
                    String node = string(row, "node");
                    String gpu = string(row, "gpu");
                    if (series == null || !series.isOf(node, gpu)) {
                        finish(series, consumer);
                        series = new SeriesBuilder(node, gpu, query.figures(), micros(query.start()),
                                micros(query.end()));
                    }
                    byte[] data = row.getBytes("data");
                    if (data == null) {
                        series.add(micros(knownTime(row, "at")), doubles(row, "figures"));
                    } else {
                        series.add(chunk(data, query));
                    }
                }
                finish(series, consumer);
            }
        }
    }

    private static String sql(Query query) {
        String ofGpus = query.gpu() == null ? "gpu <> ''" : "gpu = ?";
        return READ.replace("gpu_selected", query.of() == Figure.Of.JOB ? "gpu = ''" : ofGpus)
                .replace("node_selected", query.node() == null ? "true" : "node = ?");
    }

    private static void bind(PreparedStatement statement, Query query) throws SQLException {
        int at = 1;
        for (boolean ofChunks : new boolean[]{true, false}) {
            statement.setLong(at++, query.run());
            if (ofChunks) {
                // A chunk starts and ends in the same hour; with this bound only partitions of the selected days are read.
                statement.setObject(at++, utc(query.start().truncatedTo(ChronoUnit.HOURS)));
            }
            statement.setObject(at++, utc(query.start()));
            statement.setObject(at++, utc(query.end()));
            if (query.of() == Figure.Of.GPU && query.gpu() != null) {
                statement.setString(at++, query.gpu());
            }
            if (query.node() != null) {
                statement.setString(at++, query.node());
            }
        }
    }

    private static void finish(@Nullable SeriesBuilder series, Consumer<Series> consumer) {
        if (series != null && !series.isEmpty()) {
            consumer.accept(series.build());
        }
    }

    private static OffsetDateTime utc(Instant time) {
        return time.atOffset(ZoneOffset.UTC);
    }

    private static Chunk chunk(byte[] data, Query query) {
        try {
            return ChunkCodec.decode(data,
                    id -> query.figures().stream().anyMatch(figure -> figure.number() == id));
        } catch (UnreadableChunkException e) {
            throw new IllegalStateException("a chunk of run " + query.run() + " cannot be read: " + e.getMessage(),
                    e);
        }
    }
}
