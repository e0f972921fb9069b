package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.rounded;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.chunk.Series;
import org.jobwitness.server.db.ArrayStatement;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.SamplePage;
import org.jspecify.annotations.Nullable;

/**
 * Stores what jobs used, moment by moment, and reads it back wherever it is kept by then. Samples and their sums are written
 * in one transaction, so that the sums are right under concurrent writes. Called by the threads of requests.
 */
public final class SampleStore {
    /** Tolerated difference of a sender's clock. */
    public static final Duration CLOCK_TOLERANCE = Evidence.CLOCK_TOLERANCE;
    private static final List<Figure> MANUAL_FIGURES = List.of(Figure.CPU_USAGE_PERCENT, Figure.MEMORY_USAGE_BYTES,
            Figure.GPU_USAGE_PERCENT);

    private final Database database;
    private final FiguresTables figures;
    private final Duration retention;
    private final Clock clock;
    private final List<Consumer<List<Sample>>> listeners = new CopyOnWriteArrayList<>();
    private final Counter stored;
    private final Counter refused;

    /** @param retention how old a sample may be */
    public SampleStore(Database database, Json json, Duration retention, Clock clock, PrometheusRegistry metrics) {
        this.database = database;
        this.figures = new FiguresTables(json);
        this.retention = retention;
        this.clock = clock;
        stored = Counter.builder().name("jobwitness_samples_total").help("Samples received, by result.")
                .labelNames("status").register(metrics);
        refused = Counter.builder().name("jobwitness_samples_refused_total")
                .help("Samples refused, by reason.").labelNames("reason").register(metrics);
    }

    /** Called with samples after their commit, on the thread that wrote them; a listener must be quick and not throw. */
    public void onStored(Consumer<List<Sample>> listener) {
        listeners.add(listener);
    }

    /** Why a sample of this moment cannot be stored; empty if it can. */
    public Optional<String> problem(Instant at) {
        Instant now = clock.instant();
        if (at.isBefore(now.minus(retention))) {
            return Optional.of("lies further back than samples are kept, which is " + retention.toDays() + " days");
        }
        return at.isAfter(now.plus(CLOCK_TOLERANCE))
                ? Optional.of("lies in the future; this server's clock says " + now.truncatedTo(ChronoUnit.SECONDS))
                : Optional.empty();
    }

    /** Counts samples that were refused. */
    public void refused(String reason, int samples) {
        refused.labelValues(reason).inc(samples);
    }

    /**
     * Writes samples, none of which has been written before, in the handle's transaction. Those of runs that are gone are left
     * out. Once it is committed, {@link #added} is to be called.
     *
     * @return those that were written
     */
    public List<Sample> add(Handle handle, List<Sample> samples) throws SQLException {
        if (samples.isEmpty()) {
            return List.of();
        }
        Set<Long> known = known(handle, samples);
        List<Sample> ofKnown = samples.stream().filter(sample -> known.contains(sample.run())).toList();
        if (!ofKnown.isEmpty()) {
            SampleBuffer.add(handle, ofKnown);
            figures.add(handle, ofKnown);
            OomKillTable.add(handle, ofKnown);
        }
        return ofKnown;
    }

    /** Not locked: if one is deleted before its sums are written, its foreign key refuses them, and the transaction is repeated. */
    private static Set<Long> known(Handle handle, List<Sample> samples) throws SQLException {
        Set<Long> known = new HashSet<>();
        try (ArrayStatement select = new ArrayStatement(handle, "select job_key from job where job_key = any(?)")) {
            ResultSet row = select.bind(samples.stream().mapToLong(Sample::run).distinct().toArray()).query();
            while (row.next()) {
                known.add(row.getLong("job_key"));
            }
        }
        return known;
    }

    /** Adds errors of a GPU to runs that may have met them, in the handle's transaction. */
    public void add(Handle handle, LateXids late) {
        late.add(handle);
    }

    /** To be called once a manual sample is committed. */
    public void added(ManualSampleResult result) {
        switch (result) {
            case ManualSampleResult.Stored fresh when fresh.isNew() -> added(List.of(fresh.sample()));
            case ManualSampleResult.Stored _, ManualSampleResult.Conflict _ -> stored.labelValues("skipped").inc();
        }
    }

    /** To be called once samples are committed. */
    public void added(List<Sample> samples) {
        stored.labelValues("new").inc(samples.size());
        if (!samples.isEmpty()) {
            listeners.forEach(listener -> listener.accept(samples));
        }
    }

    /** The result of storing a sample that a person or a script sent. */
    public sealed interface ManualSampleResult {

        /** It is stored, or was already. */
        record Stored(Sample sample, boolean isNew) implements ManualSampleResult {
        }

        /** Another sample of that moment has other figures. */
        record Conflict() implements ManualSampleResult {
        }
    }

    /**
     * Stores one sample, inside a transaction that keeps other manual writers away from its run. Once it is committed,
     * {@link #added(ManualSampleResult)} is to be called.
     *
     * @param given its time, if the sender gave one: then it may be sent again. Else its own time is used, or the next one
     *     that is free.
     */
    public ManualSampleResult addManual(Handle handle, Sample sample, @Nullable Instant given) throws SQLException {
        Sample next = sample;
        for (Optional<Figures> there = at(handle, next); there.isPresent(); there = at(handle, next)) {
            if (given != null) {
                return there.get().equals(sample.figures())
                        ? new ManualSampleResult.Stored(next, false)
                        : new ManualSampleResult.Conflict();
            }
            next = next.at(next.at().plus(1, ChronoUnit.MICROS));
        }
        Optional<Figures> before = FiguresTables.latest(handle, next);
        Sample added = next;
        add(handle, List.of(added));
        // A sample with memory only does not mean that CPU use is not known any more.
        if (before.isPresent()) {
            FiguresTables.setLatest(handle, added, added.figures().orElse(before.get()));
        }
        return new ManualSampleResult.Stored(next, true);
    }

    /** The manual figures that are stored of this moment. */
    private static Optional<Figures> at(Handle handle, Sample sample) throws SQLException {
        List<Figures> found = new ArrayList<>();
        History.read(handle, new History.Query(sample.run(), MANUAL_FIGURES, null, null, sample.at(),
                sample.at().plus(1, ChronoUnit.MICROS)), series -> {
                    if (series.node().equals(sample.node())) {
                        Figures.Builder figures = Figures.ofJob();
                        MANUAL_FIGURES.forEach(figure -> figures.put(figure, series.of(figure)[0]));
                        found.add(figures.build());
                    }
                });
        return found.stream().findFirst();
    }

    /** Reads what {@code History.Query} selects. */
    List<Series> series(long run, List<Figure> figures, @Nullable String node, @Nullable String gpu,
            @Nullable Instant from, @Nullable Instant to) {
        List<Series> all = new ArrayList<>();
        eachSeries(run, figures, node, gpu, from, to, all::add);
        return all;
    }

    /** The same one by one, so that only one is in memory at a time. */
    public void eachSeries(long run, List<Figure> figures, @Nullable String node, @Nullable String gpu,
            @Nullable Instant from, @Nullable Instant to, Consumer<Series> consumer) {
        database.readStreaming("history_read", handle -> {
            History.read(handle, new History.Query(run, figures, node, gpu, from, to), consumer);
            return null;
        });
    }

    /**
     * What is kept of a run's samples.
     *
     * @param last the last sample, which is part of it
     * @param rows of nodes and of GPUs; about that many
     */
    record Extent(Instant first, Instant last, long rows) {
    }

    /** Empty if nothing is kept of it. */
    Optional<Extent> extent(long run) {
        return database.read("history_extent", handle -> History.extent(handle, run));
    }

    /** One moment of a whole job; its nodes' figures are weighted by CPUs, or GPUs. */
    private static final class Moment {
        private int nodes;
        private double cpu;
        private double cpus;
        private double gpu;
        private double gpus;
        private double bytes = Double.NaN;

        void add(Series series, int row, double cpusOfNode, double gpusOfNode) {
            nodes += series.node().isEmpty() ? 0 : 1;
            double cpuUsage = series.of(Figure.CPU_USAGE_PERCENT)[row];
            double gpuUsage = series.of(Figure.GPU_USAGE_PERCENT)[row];
            double memory = series.of(Figure.MEMORY_USAGE_BYTES)[row];
            if (!Double.isNaN(cpuUsage)) {
                cpu += cpuUsage * cpusOfNode;
                cpus += cpusOfNode;
            }
            if (!Double.isNaN(gpuUsage)) {
                gpu += gpuUsage * gpusOfNode;
                gpus += gpusOfNode;
            }
            if (!Double.isNaN(memory)) {
                bytes = Double.isNaN(bytes) ? memory : bytes + memory;
            }
        }

        SamplePage.Sample sample(long timeMicros) {
            return new SamplePage.Sample(Instant.EPOCH.plus(timeMicros, ChronoUnit.MICROS), nodes == 0 ? null : nodes,
                    shown(cpu / cpus), shown(bytes / (1 << 20)), shown(gpu / gpus));
        }

        /** Null if it is not known: NaN, or 0 / 0. */
        private static @Nullable Double shown(double value) {
            return Double.isNaN(value) ? null : Double.valueOf(rounded(value));
        }
    }

    /**
     * The samples of a run, newest first; those of one moment on several nodes are one.
     *
     * @param from, to null for no bound; {@code to} is not part of it
     */
    public SamplePage read(String jobId, long run, @Nullable Instant from, @Nullable Instant to, int limit) {
        Map<String, double[]> weights = weights(run);
        NavigableMap<Long, Moment> moments = new TreeMap<>();
        eachSeries(run, MANUAL_FIGURES, null, null, from, to, series -> {
            double[] weight = weights.getOrDefault(series.node(), new double[]{1, 1});
            for (int row = 0; row < series.size(); row++) {
                moments.computeIfAbsent(series.timeMicros(row), _ -> new Moment()).add(series, row, weight[0],
                        weight[1]);
            }
        });
        return new SamplePage(jobId, moments.descendingMap().entrySet().stream().limit(limit)
                .map(moment -> moment.getValue().sample(moment.getKey())).toList(), moments.size());
    }

    /** CPUs and GPUs of a run on each of its nodes. */
    private Map<String, double[]> weights(long run) {
        return database.read("sample_weights", handle -> handle.createQuery("""
                select node, coalesce(cpus, 1) as cpus, coalesce(gpus, 1) as gpus from job_node
                where job_key = :run""").bind("run", run).reduceRows(new HashMap<>(), (weights, row) -> {
            weights.put(row.getColumn("node", String.class),
                    new double[]{row.getColumn("cpus", Double.class), row.getColumn("gpus", Double.class)});
            return weights;
        }));
    }
}
