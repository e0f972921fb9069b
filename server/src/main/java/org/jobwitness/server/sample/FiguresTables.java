package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.micros;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.sample.SumColumn.Merge;
import org.jobwitness.wire.Figure;
import org.jspecify.annotations.Nullable;

/**
 * Owns the sums of samples: of a run on a node, and of each of its GPUs. Samples are added up here first, so that each row is
 * written once per transaction, and always in the same order, so that no two writers wait for each other.
 */
final class FiguresTables {
    /** Of these, the highest value is kept, in the column of the same name. */
    private static final List<Figure> MAXIMA = List.of(Figure.MEMORY_PEAK_BYTES, Figure.CPU_USAGE_USEC,
            Figure.CPU_USER_USEC, Figure.CPU_SYSTEM_USEC, Figure.CPU_THROTTLED_USEC, Figure.CPU_PRESSURE_USEC,
            Figure.MEMORY_PRESSURE_USEC, Figure.MEMORY_STALL_USEC, Figure.OOM_EVENTS, Figure.OOM_KILLS,
            Figure.IO_READ_BYTES, Figure.IO_WRITE_BYTES, Figure.IO_PRESSURE_USEC, Figure.IO_STALL_USEC);

    private final List<SumColumn<NodeTotals>> ofNode;
    private final List<SumColumn<GpuTotals>> ofGpu;
    private final String storeOfNode;
    private final String storeOfGpu;

    FiguresTables(Json json) {
        ofNode = ofNode(json);
        ofGpu = ofGpu(json);
        storeOfNode = SumColumn.upsert("job_figures", List.of("job_key", "node"), ofNode);
        storeOfGpu = SumColumn.upsert("job_gpu_figures", List.of("job_key", "node", "gpu"), ofGpu);
    }

    private static List<SumColumn<NodeTotals>> ofNode(Json json) {
        List<SumColumn<NodeTotals>> columns = new ArrayList<>(List.of(
                new SumColumn<>("sample_count", "bigint", Merge.ADD, NodeTotals::samples),
                new SumColumn<>("covered_ms", "bigint", Merge.ADD,
                        sum -> sum.figures().of(Figure.INTERVAL_MS).wholeSum()),
                new SumColumn<>("suspended_ms", "bigint", Merge.ADD,
                        sum -> sum.figures().of(Figure.SUSPENDED_MS).wholeSum()),
                new SumColumn<>("first_sample_at", "timestamptz", Merge.MIN, sum -> micros(sum.first())),
                new SumColumn<>("last_sample_at", "timestamptz", Merge.MAX, sum -> micros(sum.last())),
                new SumColumn<>("last_interval_ms", "integer", Merge.NEWEST,
                        sum -> sum.latest().whole(Figure.INTERVAL_MS)),
                new SumColumn<>("latest", "double precision[]", Merge.NEWEST, sum -> sum.latest().sqlArray()),
                new SumColumn<>("is_last", "boolean", Merge.EITHER_OF_NEWEST, NodeTotals::isLast),
                new SumColumn<>("absent", "jsonb", Merge.NEWEST, sum -> json.text(sum.absent()))));
        average(columns, NodeTotals::figures, "cpu", Figure.CPU_USAGE_PERCENT);
        maximum(columns, NodeTotals::figures, "cpu_max", Figure.CPU_USAGE_PERCENT);
        average(columns, NodeTotals::figures, "memory", Figure.MEMORY_USAGE_BYTES);
        maximum(columns, NodeTotals::figures, "memory_max_bytes", Figure.MEMORY_USAGE_BYTES);
        average(columns, NodeTotals::figures, "anon", Figure.MEMORY_ANON_BYTES);
        maximum(columns, NodeTotals::figures, "anon_max_bytes", Figure.MEMORY_ANON_BYTES);
        columns.add(new SumColumn<>("needed_max_bytes", "bigint", Merge.MAX, NodeTotals::needed));
        maximum(columns, NodeTotals::figures, "swap_max_bytes", Figure.MEMORY_SWAP_BYTES);
        columns.add(new SumColumn<>("memory_limit_min_bytes", "bigint", Merge.MIN,
                sum -> sum.figures().of(Figure.MEMORY_LIMIT_BYTES).wholeMin()));
        maximum(columns, NodeTotals::figures, "memory_limit_max_bytes", Figure.MEMORY_LIMIT_BYTES);
        average(columns, NodeTotals::figures, "file", Figure.MEMORY_FILE_BYTES);
        maximum(columns, NodeTotals::figures, "file_max_bytes", Figure.MEMORY_FILE_BYTES);
        average(columns, NodeTotals::figures, "gpu", Figure.GPU_USAGE_PERCENT);
        maximum(columns, NodeTotals::figures, "gpu_max", Figure.GPU_USAGE_PERCENT);
        MAXIMA.forEach(figure -> maximum(columns, NodeTotals::figures, figure.toString(), figure));
        return List.copyOf(columns);
    }

    private static List<SumColumn<GpuTotals>> ofGpu(Json json) {
        List<SumColumn<GpuTotals>> columns = new ArrayList<>(List.of(
                new SumColumn<>("gpu_vendor", "text", Merge.FIRST, GpuTotals::vendor),
                new SumColumn<>("device", "jsonb", Merge.FIRST,
                        sum -> sum.device() == null ? null : json.text(sum.device())),
                new SumColumn<>("hold", "text", Merge.NEWEST, sum -> sum.hold().toString()),
                new SumColumn<>("jobs", "text[]", Merge.NEWEST, sum -> array(sum.jobs())),
                new SumColumn<>("sample_count", "bigint", Merge.ADD, GpuTotals::samples),
                new SumColumn<>("last_sample_at", "timestamptz", Merge.MAX, sum -> micros(sum.last())),
                new SumColumn<>("last_interval_ms", "integer", Merge.NEWEST,
                        sum -> sum.latest().whole(Figure.GPU_INTERVAL_MS)),
                new SumColumn<>("latest", "double precision[]", Merge.NEWEST, sum -> sum.latest().sqlArray()),
                new SumColumn<>("absent", "jsonb", Merge.NEWEST, sum -> json.text(sum.absent())),
                new SumColumn<>("held_from", "timestamptz", Merge.MIN, sum -> micros(sum.heldFrom())),
                new SumColumn<>("read_at", "timestamptz", Merge.MAX, sum -> microsOrNull(sum.readAt())),
                new SumColumn<>("first_used_at", "timestamptz", Merge.MIN, sum -> microsOrNull(sum.firstUsed())),
                new SumColumn<>("last_used_at", "timestamptz", Merge.MAX, sum -> microsOrNull(sum.lastUsed())),
                new SumColumn<>("xids", "integer[]", Merge.UNION, sum -> array(sum.faults().xids())),
                new SumColumn<>("possible_xids", "integer[]", Merge.UNION, sum -> array(sum.faults().possibleXids())),
                new SumColumn<>("first_ecc_errors", "bigint", Merge.OLDEST_KNOWN,
                        sum -> sum.faults().firstEccErrors()),
                new SumColumn<>("last_ecc_errors", "bigint", Merge.NEWEST_KNOWN,
                        sum -> sum.faults().lastEccErrors()),
                new SumColumn<>("slowed_count", "bigint", Merge.ADD, sum -> sum.faults().slowed()),
                new SumColumn<>("slowed_by", "text[]", Merge.UNION, sum -> array(sum.faults().slowedBy())),
                new SumColumn<>("first_energy_at", "timestamptz", Merge.MIN,
                        sum -> microsOrNull(sum.energy().firstAt())),
                new SumColumn<>("last_energy_at", "timestamptz", Merge.MAX,
                        sum -> microsOrNull(sum.energy().lastAt())),
                new SumColumn<>("first_energy_joules", "double precision", Merge.FIRST_ENERGY,
                        sum -> sum.energy().first()),
                new SumColumn<>("last_energy_joules", "double precision", Merge.LAST_ENERGY,
                        sum -> sum.energy().last()),
                new SumColumn<>("energy_joules", "double precision", Merge.ENERGY, sum -> sum.energy().joules())));
        average(columns, GpuTotals::figures, "utilization", Figure.UTILIZATION_PERCENT);
        maximum(columns, GpuTotals::figures, "utilization_max", Figure.UTILIZATION_PERCENT);
        average(columns, GpuTotals::figures, "memory", Figure.MEMORY_USED_BYTES);
        maximum(columns, GpuTotals::figures, "memory_max_bytes", Figure.MEMORY_USED_BYTES);
        average(columns, GpuTotals::figures, "power", Figure.POWER_WATTS);
        maximum(columns, GpuTotals::figures, "processes_max", Figure.PROCESSES);
        return List.copyOf(columns);
    }

    /** Of words without quotation marks, commas or blanks. */
    private static String array(Collection<?> elements) {
        return elements.stream().map(Object::toString).collect(Collectors.joining(",", "{", "}"));
    }

    private static <S> void average(List<SumColumn<S>> columns, Function<S, Totals> totals, String name,
            Figure figure) {
        columns.add(new SumColumn<>(name + "_count", "bigint", Merge.ADD, sum -> totals.apply(sum).of(figure).count()));
        columns.add(new SumColumn<>(name + "_sum", "double precision", Merge.ADD,
                sum -> totals.apply(sum).of(figure).sum()));
    }

    private static <S> void maximum(List<SumColumn<S>> columns, Function<S, Totals> totals, String name,
            Figure figure) {
        columns.add(figure.isWhole()
                ? new SumColumn<>(name, "bigint", Merge.MAX, sum -> totals.apply(sum).of(figure).wholeMax())
                : new SumColumn<>(name, "double precision", Merge.MAX, sum -> totals.apply(sum).of(figure).max()));
    }

    private static @Nullable Long microsOrNull(@Nullable Instant time) {
        return time == null ? null : Long.valueOf(micros(time));
    }

    private record Key(long run, String node, String gpu) {
        static final Comparator<Key> ORDER = Comparator.comparingLong(Key::run).thenComparing(Key::node)
                .thenComparing(Key::gpu);
    }

    /** Adds samples, each of which must be new. */
    void add(Handle handle, List<Sample> samples) {
        Map<Key, NodeTotals> nodes = new TreeMap<>(Key.ORDER);
        Map<Key, GpuTotals> gpus = new TreeMap<>(Key.ORDER);
        for (Sample sample : samples) {
            nodes.computeIfAbsent(new Key(sample.run(), sample.node(), ""), _ -> new NodeTotals()).add(sample);
            for (Sample.Gpu gpu : sample.gpus()) {
                gpus.computeIfAbsent(new Key(sample.run(), sample.node(), gpu.gpu()), _ -> new GpuTotals())
                        .add(sample.at(), gpu);
            }
        }
        Update ofNodes = SumColumn.bind(handle.createUpdate(storeOfNode), ofNode, nodes.values());
        bindKeys(ofNodes, List.copyOf(nodes.keySet())).execute();
        if (!gpus.isEmpty()) {
            Update ofGpus = SumColumn.bind(handle.createUpdate(storeOfGpu), ofGpu, gpus.values());
            bindKeys(ofGpus, List.copyOf(gpus.keySet()))
                    .bindArray("gpu", String.class, gpus.keySet().stream().map(Key::gpu).toList()).execute();
        }
    }

    private static Update bindKeys(Update update, List<Key> keys) {
        return update.bindArray("job_key", Long.class, keys.stream().map(Key::run).toList())
                .bindArray("node", String.class, keys.stream().map(Key::node).toList());
    }

    /** The newest value of each figure of a sample's run and node. */
    static Optional<Figures> latest(Handle handle, Sample sample) {
        return handle.createQuery("select latest from job_figures where job_key = :run and node = :node")
                .bind("run", sample.run()).bind("node", sample.node())
                .map((row, _) -> Figures.of(Figure.Of.JOB, doubles(row, "latest"))).findFirst();
    }

    /** Sets the newest value of each figure, if the sample is the newest. */
    static void setLatest(Handle handle, Sample sample, Figures latest) {
        handle.createUpdate("""
                update job_figures set latest = cast(:latest as double precision[])
                where job_key = :run and node = :node and last_sample_at = :at""").bind("run", sample.run())
                .bind("node", sample.node()).bind("at", sample.at()).bind("latest", latest.sqlArray()).execute();
    }
}
