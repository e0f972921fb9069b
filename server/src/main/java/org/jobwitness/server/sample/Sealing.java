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
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.sample.SampleBuffer.Closing;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Packs each hour of samples once it is over. The buffers are rotated a little after the full hour; then the closing one is
 * packed slice by slice, each slice in one transaction, and emptied. Rows of the current hour are carried over to the active
 * buffer, so that an hour of a job on a node is one chunk. It may be interrupted anywhere: the next run continues. The work
 * of a {@code LeaderTask}.
 */
public final class Sealing {
    private static final Logger log = LoggerFactory.getLogger(Sealing.class);
    /** Agents send a little after they read, and their clocks differ. */
    private static final Duration LATENESS = Duration.ofMinutes(2);
    /** With so many rows of past hours, as after an outage, the rotation does not wait for the full hour. */
    private static final int MANY_LATE_ROWS = 50_000;
    private static final int SLICE_ROWS = 100_000;
    private static final int EMPTY_ATTEMPTS = 10;
    /** One rotation may be missed: because of a slow reader, or while the database is unavailable. */
    private static final Duration OVERDUE = Duration.ofHours(3);
    private static final Duration EMPTY_INTERVAL = Duration.ofSeconds(3);

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

    public void run(Leadership leadership) throws InterruptedException {
        if (!isCatalogueStored) {
            database.write("figure_names", handle -> {
                FigureTable.store(handle);
                return true;
            });
            isCatalogueStored = true;
        }
        boolean done = sealClosing(leadership);
        if (done && isDue()) {
            database.write("buffer_rotate", handle -> {
                SampleBuffer.rotate(handle, clock.instant());
                return true;
            });
            done = sealClosing(leadership);
        }
        if (done) {
            lastSuccess = clock.instant();
        }
    }

    /** What is wrong with packing, on whichever server; empty if nothing is. */
    public Optional<String> problem() {
        Instant activated = database.read("buffer_active", SampleBuffer::activatedAt);
        return activated.isBefore(clock.instant().minus(OVERDUE))
                ? Optional.of("no hour of samples has been packed since " + activated.truncatedTo(ChronoUnit.SECONDS)
                        + ", and the buffer of samples grows; look for sealing_failed or"
                        + " buffer_empty_failed in the log of each server and fix the cause; packing then catches up")
                : Optional.empty();
    }

    private boolean isDue() {
        Instant now = clock.instant();
        Instant hour = now.truncatedTo(ChronoUnit.HOURS);
        return database.read("buffer_due", handle -> {
            Instant activated = SampleBuffer.activatedAt(handle);
            boolean hourIsOver = activated.isBefore(hour.plus(LATENESS)) && !now.isBefore(hour.plus(LATENESS));
            return hourIsOver || SampleBuffer.hasAbout(handle, MANY_LATE_ROWS, hour.minus(1, ChronoUnit.HOURS));
        });
    }

    /** @return whether the closing buffer is empty */
    private boolean sealClosing(Leadership leadership) throws InterruptedException {
        long start = System.nanoTime();
        Slice all = Slice.NOTHING;
        Slice slice = Slice.NOTHING;
        do {
            leadership.check();
            slice = database.writeInBackground("seal", this::sealSlice);
            all = all.plus(slice);
            rows.inc(slice.rows());
            chunks.inc(slice.chunks());
        } while (slice.mayBeMore());
        if (all.rows() > 0) {
            log.info("samples_sealed rows={} chunks={} carried_over={} expired={} ms={}", all.rows(), all.chunks(),
                    all.carriedOver(), all.expired(), (System.nanoTime() - start) / 1_000_000);
        }
        for (int attempt = 0; attempt < EMPTY_ATTEMPTS; attempt++) {
            leadership.check();
            if (database.write("buffer_empty", this::empty)) {
                return true;
            }
            leadership.pause(EMPTY_INTERVAL);
        }
        log.warn("buffer_empty_failed cause=\"lock timeout\"");
        return false;
    }

    private boolean empty(Handle handle) {
        Closing closing = SampleBuffer.closing(handle);
        return !closing.isSealed() || SampleBuffer.empty(handle, closing);
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
        Closing closing = SampleBuffer.closing(handle);
        if (closing.isSealed()) {
            return Slice.NOTHING;
        }
        long last = SampleBuffer.nextSlice(handle, closing, sliceRows);
        if (last == 0) {
            if (closing.sealedTo() > 0) {
                SampleBuffer.allSealed(handle, closing);
            }
            return Slice.NOTHING;
        }
        Packing packing = new Packing(new ChunkTable(handle), closing.closedAt().truncatedTo(ChronoUnit.HOURS),
                clock.instant().minus(retention).minus(Partitions.MARGIN));
        SampleBuffer.each(handle, closing, last, packing::add);
        Slice slice = packing.end();
        SampleBuffer.carryOver(handle, packing.carriedOver);
        SampleBuffer.sealed(handle, closing, last);
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
                    hour.add(row); // else it is a duplicate
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
