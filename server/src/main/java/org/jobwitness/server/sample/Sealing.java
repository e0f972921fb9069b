package org.jobwitness.server.sample;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.chunk.Chunk;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Turn;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.sample.SampleBuffer.Closed;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Packs each hour of samples once it is over. The tails change places a little after the full hour; then the closed one is
 * packed slice by slice, each slice in one transaction, and emptied. What came in for the hour that goes on is carried over,
 * so that an hour of a job on a node is one chunk. It may be cut off anywhere: what is done is done, and the next turn goes on
 * from there. The work of a {@code LeaderTask}.
 */
public final class Sealing {
    private static final Logger log = LoggerFactory.getLogger(Sealing.class);
    /** Agents send a little after they read, and their clocks differ. */
    private static final Duration STRAGGLERS = Duration.ofMinutes(2);
    /** So many rows of hours long over, as after a time without a server, are not kept waiting for the full hour. */
    private static final int MANY_LATE_ROWS = 50_000;
    private static final int SLICE_ROWS = 100_000;
    private static final int TRIES_TO_EMPTY = 10;
    /** One full hour may be missed: by a slow reader, or while the database is away. */
    private static final Duration TOO_LONG = Duration.ofHours(3);
    private static final Duration PAUSE = Duration.ofSeconds(3);

    private final Database database;
    private final Duration retention;
    private final Clock clock;
    private final int sliceRows;
    private final Counter rows;
    private final Counter chunks;
    private boolean isCatalogueStored;
    private volatile @Nullable Instant lastSuccess;

    public Sealing(Database database, Duration retention, Clock clock, PrometheusRegistry metrics) {
        this(database, retention, clock, SLICE_ROWS, metrics);
    }

    /** @param sliceRows about how many go into one transaction */
    Sealing(Database database, Duration retention, Clock clock, int sliceRows, PrometheusRegistry metrics) {
        this.database = database;
        this.retention = retention;
        this.clock = clock;
        this.sliceRows = sliceRows;
        rows = Counter.builder().name("jobwitness_sealed_rows_total").help("Rows of samples that this server packed.")
                .register(metrics);
        chunks = Counter.builder().name("jobwitness_sealed_chunks_total")
                .help("Chunks of samples that this server packed.").register(metrics);
        GaugeWithCallback.builder().name("jobwitness_sealing_last_success_timestamp_seconds")
                .help("When this server last packed all samples that were due.").callback(gauge -> {
                    Instant last = lastSuccess;
                    if (last != null) {
                        gauge.call(last.toEpochMilli() / 1e3);
                    }
                }).register(metrics);
    }

    /** One turn's work. */
    public void run(Turn turn) throws InterruptedException {
        if (!isCatalogueStored) {
            database.write("figure_names", handle -> {
                FigureTable.store(handle);
                return true;
            });
            isCatalogueStored = true;
        }
        boolean done = sealClosed(turn);
        if (done && isDue()) {
            database.write("tails_turn", handle -> {
                SampleBuffer.turn(handle, clock.instant());
                return true;
            });
            done = sealClosed(turn);
        }
        if (done) {
            lastSuccess = clock.instant();
        }
    }

    /** What is wrong with it, whichever server should have done it; empty if nothing is. */
    public Optional<String> trouble() {
        Instant opened = database.read("tails_opened", SampleBuffer::openedAt);
        return opened.isBefore(clock.instant().minus(TOO_LONG))
                ? Optional.of("no hour of samples has been packed since " + opened.truncatedTo(ChronoUnit.SECONDS)
                        + ", and the table of those that are not packed grows; look for sealing_failed or"
                        + " tail_not_emptied in the log of each server, and put right what they name: it catches up then")
                : Optional.empty();
    }

    private boolean isDue() {
        Instant now = clock.instant();
        Instant hour = now.truncatedTo(ChronoUnit.HOURS);
        return database.read("tails_due", handle -> {
            Instant opened = SampleBuffer.openedAt(handle);
            boolean hourIsOver = opened.isBefore(hour.plus(STRAGGLERS)) && !now.isBefore(hour.plus(STRAGGLERS));
            return hourIsOver || SampleBuffer.hasAbout(handle, MANY_LATE_ROWS, hour.minus(1, ChronoUnit.HOURS));
        });
    }

    /** @return whether the closed tail is empty */
    private boolean sealClosed(Turn turn) throws InterruptedException {
        long began = System.nanoTime();
        Slice all = Slice.NOTHING;
        Slice slice = Slice.NOTHING;
        do {
            turn.check();
            slice = database.writeAtLeisure("seal", this::sealSlice);
            all = all.plus(slice);
            rows.inc(slice.rows());
            chunks.inc(slice.chunks());
        } while (slice.mayBeMore());
        if (all.rows() > 0) {
            log.info("samples_sealed rows={} chunks={} carried_over={} expired={} ms={}", all.rows(), all.chunks(),
                    all.carriedOver(), all.expired(), (System.nanoTime() - began) / 1_000_000);
        }
        for (int tries = 0; tries < TRIES_TO_EMPTY; tries++) {
            turn.check();
            if (database.write("tail_empty", this::empty)) {
                return true;
            }
            turn.pause(PAUSE);
        }
        log.warn("tail_not_emptied cause=\"somebody reads it for long\"");
        return false;
    }

    private boolean empty(Handle handle) {
        Closed closed = SampleBuffer.closed(handle);
        return !closed.isSealed() || SampleBuffer.empty(handle, closed);
    }

    /** What one transaction did. */
    private record Slice(long rows, long chunks, long carriedOver, long expired, boolean mayBeMore) {
        static final Slice NOTHING = new Slice(0, 0, 0, 0, false);

        Slice plus(Slice other) {
            return new Slice(rows + other.rows, chunks + other.chunks, carriedOver + other.carriedOver,
                    expired + other.expired, other.mayBeMore);
        }
    }

    private Slice sealSlice(Handle handle) throws SQLException {
        Closed closed = SampleBuffer.closed(handle);
        if (closed.isSealed()) {
            return Slice.NOTHING;
        }
        long last = SampleBuffer.nextSlice(handle, closed, sliceRows);
        if (last == 0) {
            if (closed.sealedTo() > 0) {
                SampleBuffer.allSealed(handle, closed);
            }
            return Slice.NOTHING;
        }
        Packing packing = new Packing(new ChunkTable(handle), closed.closedAt().truncatedTo(ChronoUnit.HOURS),
                clock.instant().minus(retention).minus(Partitions.MARGIN));
        SampleBuffer.each(handle, closed, last, packing::add);
        Slice slice = packing.end();
        SampleBuffer.carryOver(handle, packing.carriedOver);
        SampleBuffer.sealed(handle, closed, last);
        return slice;
    }

    /** Gathers the rows of one hour of one series after the other. */
    private static final class Packing {
        private final ChunkTable table;
        private final Instant carryFrom;
        private final Instant expired;
        private final List<BufferRow> hour = new ArrayList<>();
        private final List<BufferRow> carriedOver = new ArrayList<>();
        private long rows;
        private long chunks;
        private long expiredRows;

        Packing(ChunkTable table, Instant carryFrom, Instant expired) {
            this.table = table;
            this.carryFrom = carryFrom;
            this.expired = expired;
        }

        void add(BufferRow row) throws SQLException {
            if (!row.at().isBefore(carryFrom)) {
                carriedOver.add(row);
            } else if (row.at().isBefore(expired)) {
                expiredRows++;
            } else {
                if (!hour.isEmpty() && !belongsTo(hour.getFirst(), row)) {
                    pack();
                }
                if (hour.isEmpty() || row.at().isAfter(hour.getLast().at())) {
                    hour.add(row); // else it is there twice
                }
            }
        }

        private boolean belongsTo(BufferRow first, BufferRow row) {
            return hour.size() < Chunk.MAX_ROWS && first.isOfSameSeries(row)
                    && first.at().truncatedTo(ChronoUnit.HOURS).equals(row.at().truncatedTo(ChronoUnit.HOURS));
        }

        private void pack() throws SQLException {
            table.add(hour);
            rows += hour.size();
            chunks++;
            hour.clear();
        }

        Slice end() throws SQLException {
            if (!hour.isEmpty()) {
                pack();
            }
            table.write();
            return new Slice(rows, chunks, carriedOver.size(), expiredRows, true);
        }
    }
}
