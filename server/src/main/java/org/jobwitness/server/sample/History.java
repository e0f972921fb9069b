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
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.chunk.ChunkCodec;
import org.jobwitness.server.chunk.ChunkColumn;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.chunk.UnreadableChunkException;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;

/**
 * Reads samples, wherever they are: packed, or still in a tail. Both are asked in one statement, so that what is packed at the
 * same time is found once, here or there. A sample that is there twice is one.
 */
final class History {
    private static final Instant FIRST = Instant.parse("1970-01-01T00:00:00Z");
    private static final Instant LAST = Instant.parse("2200-01-01T00:00:00Z");
    private static final int ROWS_AT_ONCE = 500;
    private static final String READ = """
            select node, gpu, null as at, null as figures, t0, t1, data from chunk
            where job_key = ? and t0 >= ? and t1 >= ? and t0 < ? and gpu_of_them and node_of_them
            union all
            select node, gpu, at, figures, null, null, null from unpacked_sample
            where job_key = ? and at >= ? and at < ? and gpu_of_them and node_of_them
            order by node, gpu, t0""";

    private static final String EXTENT = """
            select min(t0) as first, max(t1) as last, sum(rows) as rows from (
                select t0, t1, rows from chunk where job_key = :run
                union all
                select at, at, 1 from sample_tail_0 where job_key = :run
                    and job_key >= (select sealed_to from sample_tail where tail = 0)
                union all
                select at, at, 1 from sample_tail_1 where job_key = :run
                    and job_key >= (select sealed_to from sample_tail where tail = 1)) kept
            having count(*) > 0""";

    private History() {
    }

    /** From when to when there are samples of a run. */
    static Optional<SampleStore.Extent> extent(Handle handle, long run) {
        return handle.createQuery(EXTENT).bind("run", run).map((row, _) -> new SampleStore.Extent(
                knownTime(row, "first"), knownTime(row, "last"), row.getLong("rows"))).findFirst();
    }

    /**
     * Which samples of a run are asked for.
     *
     * @param figures all of a job, or all of GPUs
     * @param node null for all nodes
     * @param gpu null for all GPUs, where figures of GPUs are asked for
     * @param from null for no bound
     * @param to not part of it; null for no bound
     */
    record Question(long run, List<Figure> figures, @Nullable String node, @Nullable String gpu,
            @Nullable Instant from, @Nullable Instant to) {
        Question {
            figures = List.copyOf(figures);
            if (figures.isEmpty() || figures.stream().map(Figure::of).distinct().count() > 1) {
                throw new IllegalArgumentException("figures of a job or figures of GPUs, and one at least: " + figures);
            }
        }

        Figure.Of of() {
            return figures.getFirst().of();
        }
    }

    /**
     * Tells of one series for each node, or GPU, that has any; by node, then GPU. In the handle's transaction, which must be
     * READ COMMITTED: an older view of what is packed does not go with a tail that has been emptied since.
     */
    static void read(Handle handle, Question question, Consumer<Series> consumer) throws SQLException {
        Instant from = question.from() == null ? FIRST : question.from();
        Instant to = question.to() == null ? LAST : question.to();
        String gpus = question.of() == Figure.Of.JOB ? "gpu = ''" : question.gpu() == null ? "gpu <> ''" : "gpu = ?";
        String sql = READ.replace("gpu_of_them", gpus).replace("node_of_them",
                question.node() == null ? "true" : "node = ?");
        try (PreparedStatement query = handle.getConnection().prepareStatement(sql)) {
            query.unwrap(PGStatement.class).setPrepareThreshold(-1);
            query.setFetchSize(ROWS_AT_ONCE);
            int at = 1;
            for (int part = 0; part < 2; part++) {
                query.setLong(at++, question.run());
                if (part == 0) {
                    // A chunk begins and ends in the same hour; with this bound only the days in question are looked at.
                    query.setObject(at++, utc(from.truncatedTo(ChronoUnit.HOURS)));
                }
                query.setObject(at++, utc(from));
                query.setObject(at++, utc(to));
                if (gpus.endsWith("?")) {
                    query.setString(at++, question.gpu());
                }
                if (question.node() != null) {
                    query.setString(at++, question.node());
                }
            }
            try (ResultSet row = query.executeQuery()) {
                Gathering gathering = null;
                while (row.next()) {
                    String node = string(row, "node");
                    String gpu = string(row, "gpu");
                    if (gathering == null || !gathering.isOf(node, gpu)) {
                        tell(gathering, consumer);
                        gathering = new Gathering(node, gpu, question.figures(), micros(from), micros(to));
                    }
                    byte[] data = row.getBytes("data");
                    if (data == null) {
                        gathering.add(micros(knownTime(row, "at")), doubles(row, "figures"));
                    } else {
                        gathering.add(chunk(data, question));
                    }
                }
                tell(gathering, consumer);
            }
        }
    }

    private static void tell(@Nullable Gathering gathering, Consumer<Series> consumer) {
        if (gathering != null && gathering.size > 0) {
            consumer.accept(gathering.series());
        }
    }

    private static OffsetDateTime utc(Instant time) {
        return time.atOffset(ZoneOffset.UTC);
    }

    private static Chunk chunk(byte[] data, Question question) {
        try {
            return ChunkCodec.decode(data,
                    id -> question.figures().stream().anyMatch(figure -> figure.number() == id));
        } catch (UnreadableChunkException e) {
            throw new IllegalStateException("a chunk of run " + question.run() + " cannot be read: " + e.getMessage(),
                    e);
        }
    }

    /** Puts the samples of one series together. */
    private static final class Gathering {
        private final String node;
        private final String gpu;
        private final List<Figure> figures;
        private final long from;
        private final long to;
        private long[] times = new long[256];
        private final double[][] values;
        private int size;

        Gathering(String node, String gpu, List<Figure> figures, long from, long to) {
            this.node = node;
            this.gpu = gpu;
            this.figures = figures;
            this.from = from;
            this.to = to;
            values = new double[figures.size()][times.length];
        }

        boolean isOf(String otherNode, String otherGpu) {
            return node.equals(otherNode) && gpu.equals(otherGpu);
        }

        void add(long timeMicros, double[] row) {
            room(1);
            times[size] = timeMicros;
            for (int i = 0; i < values.length; i++) {
                int number = figures.get(i).number();
                values[i][size] = number <= row.length ? row[number - 1] : Double.NaN;
            }
            size++;
        }

        void add(Chunk chunk) {
            int first = 0;
            while (first < chunk.rows() && chunk.timeMicros(first) < from) {
                first++;
            }
            int end = chunk.rows();
            while (end > first && chunk.timeMicros(end - 1) >= to) {
                end--;
            }
            int count = end - first;
            room(count);
            System.arraycopy(chunk.times(), first, times, size, count);
            for (int i = 0; i < values.length; i++) {
                fill(values[i], chunk.column(figures.get(i).number()).orElse(null), first, count);
            }
            size += count;
        }

        private void fill(double[] into, @Nullable ChunkColumn column, int first, int count) {
            if (column == null) {
                Arrays.fill(into, size, size + count, Double.NaN);
                return;
            }
            long[] bits = column.bits();
            boolean isWhole = column.kind() == ChunkColumn.Kind.WHOLE;
            boolean hasAll = column.values() == column.rows();
            for (int row = 0; row < count; row++) {
                into[size + row] = !hasAll && column.isNull(first + row)
                        ? Double.NaN
                        : isWhole ? bits[first + row] : Double.longBitsToDouble(bits[first + row]);
            }
        }

        private void room(int more) {
            if (size + more > times.length) {
                int length = Math.max(2 * times.length, size + more);
                times = Arrays.copyOf(times, length);
                for (int i = 0; i < values.length; i++) {
                    values[i] = Arrays.copyOf(values[i], length);
                }
            }
        }

        Series series() {
            times = Arrays.copyOf(times, size);
            for (int i = 0; i < values.length; i++) {
                values[i] = Arrays.copyOf(values[i], size);
            }
            if (Chunk.firstUnordered(times) < size) {
                sort();
            }
            return new Series(node, gpu, times, figures, values);
        }

        /** Orders by time; of what is there twice, the first stays. */
        private void sort() {
            long[] unordered = times;
            int[] order = IntStream.range(0, size).boxed().sorted(Comparator.comparingLong(row -> unordered[row]))
                    .mapToInt(row -> row).toArray();
            int[] once = IntStream.range(0, size)
                    .filter(i -> i == 0 || unordered[order[i]] != unordered[order[i - 1]]).map(i -> order[i]).toArray();
            times = Arrays.stream(once).mapToLong(row -> unordered[row]).toArray();
            for (int i = 0; i < values.length; i++) {
                double[] column = values[i];
                values[i] = Arrays.stream(once).mapToDouble(row -> column[row]).toArray();
            }
        }
    }
}
