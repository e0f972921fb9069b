package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.micros;

import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.ArrayStatement;
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

    private final SumTable<NodeTotals> ofNodes;
    private final SumTable<GpuTotals> ofGpus;

    FiguresTables(Json json) {
        ofNodes = new SumTable<>("job_figures", Figure.Of.JOB, ofNode(json), NodeTotals::latest);
        ofGpus = new SumTable<>("job_gpu_figures", Figure.Of.GPU, ofGpu(json), GpuTotals::latest);
    }

    private static List<SumColumn<NodeTotals>> ofNode(Json json) {
        List<SumColumn<NodeTotals>> columns = new ArrayList<>(List.of(
                SumColumn.number("sample_count", "bigint", Merge.ADD, NodeTotals::samples),
                SumColumn.number("covered_ms", "bigint", Merge.ADD, sum -> sumOrNull(sum, Figure.INTERVAL_MS)),
                SumColumn.number("suspended_ms", "bigint", Merge.ADD, sum -> sumOrNull(sum, Figure.SUSPENDED_MS)),
                SumColumn.number("first_sample_at", "timestamptz", Merge.MIN, sum -> micros(sum.first())),
                SumColumn.number("last_sample_at", "timestamptz", Merge.MAX, sum -> micros(sum.last())),
                SumColumn.number("last_interval_ms", "integer", Merge.NEWEST,
                        sum -> sum.latest().value(Figure.INTERVAL_MS)),
                SumColumn.number("is_last", "boolean", Merge.EITHER_OF_NEWEST, sum -> sum.isLast() ? 1 : 0),
                SumColumn.number("is_cut_short", "boolean", Merge.EITHER_OF_NEWEST, sum -> sum.isCutShort() ? 1 : 0),
                SumColumn.text("absent", "jsonb", Merge.NEWEST, sum -> absent(json, sum.absent()))));
        average(columns, NodeTotals::figures, "cpu", Figure.CPU_USAGE_PERCENT);
        maximum(columns, NodeTotals::figures, "cpu_max", Figure.CPU_USAGE_PERCENT);
        average(columns, NodeTotals::figures, "memory", Figure.MEMORY_USAGE_BYTES);
        maximum(columns, NodeTotals::figures, "memory_max_bytes", Figure.MEMORY_USAGE_BYTES);
        average(columns, NodeTotals::figures, "anon", Figure.MEMORY_ANON_BYTES);
        maximum(columns, NodeTotals::figures, "anon_max_bytes", Figure.MEMORY_ANON_BYTES);
        columns.add(SumColumn.number("needed_max_bytes", "bigint", Merge.MAX, NodeTotals::needed));
        maximum(columns, NodeTotals::figures, "swap_max_bytes", Figure.MEMORY_SWAP_BYTES);
        columns.add(SumColumn.number("memory_limit_min_bytes", "bigint", Merge.MIN,
                sum -> sum.figures().min(Figure.MEMORY_LIMIT_BYTES)));
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
                SumColumn.text("gpu_vendor", "text", Merge.FIRST, GpuTotals::vendor),
                SumColumn.text("device", "jsonb", Merge.FIRST,
                        sum -> sum.device() == null ? null : json.text(sum.device())),
                SumColumn.text("hold", "text", Merge.NEWEST, sum -> sum.hold().toString()),
                SumColumn.text("jobs", "text[]", Merge.NEWEST, sum -> array(sum.jobs())),
                SumColumn.number("sample_count", "bigint", Merge.ADD, GpuTotals::samples),
                SumColumn.number("last_sample_at", "timestamptz", Merge.MAX, sum -> micros(sum.last())),
                SumColumn.number("last_interval_ms", "integer", Merge.NEWEST,
                        sum -> sum.latest().value(Figure.GPU_INTERVAL_MS)),
                SumColumn.text("absent", "jsonb", Merge.NEWEST, sum -> absent(json, sum.absent())),
                SumColumn.number("held_from", "timestamptz", Merge.MIN, sum -> micros(sum.heldFrom())),
                SumColumn.number("read_at", "timestamptz", Merge.MAX, sum -> microsOrNull(sum.readAt())),
                SumColumn.number("first_used_at", "timestamptz", Merge.MIN, sum -> microsOrNull(sum.firstUsed())),
                SumColumn.number("last_used_at", "timestamptz", Merge.MAX, sum -> microsOrNull(sum.lastUsed())),
                SumColumn.text("xids", "integer[]", Merge.UNION, sum -> array(sum.faults().xids())),
                SumColumn.text("possible_xids", "integer[]", Merge.UNION, sum -> array(sum.faults().possibleXids())),
                SumColumn.number("first_ecc_errors", "bigint", Merge.OLDEST_KNOWN,
                        sum -> orNull(sum.faults().firstEccErrors())),
                SumColumn.number("last_ecc_errors", "bigint", Merge.NEWEST_KNOWN,
                        sum -> orNull(sum.faults().lastEccErrors())),
                SumColumn.number("slowed_count", "bigint", Merge.ADD, sum -> sum.faults().slowed()),
                SumColumn.text("slowed_by", "text[]", Merge.UNION, sum -> array(sum.faults().slowedBy())),
                SumColumn.number("first_energy_at", "timestamptz", Merge.MIN,
                        sum -> microsOrNull(sum.energy().firstAt())),
                SumColumn.number("last_energy_at", "timestamptz", Merge.MAX,
                        sum -> microsOrNull(sum.energy().lastAt())),
                SumColumn.number("first_energy_joules", "double precision", Merge.FIRST_ENERGY,
                        sum -> orNull(sum.energy().first())),
                SumColumn.number("last_energy_joules", "double precision", Merge.LAST_ENERGY,
                        sum -> orNull(sum.energy().last())),
                SumColumn.number("energy_joules", "double precision", Merge.ENERGY,
                        sum -> orNull(sum.energy().joules()))));
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

    private static String absent(Json json, Map<String, String> causes) {
        return causes.isEmpty() ? "{}" : json.text(causes);
    }

    private static <S> void average(List<SumColumn<S>> columns, Function<S, Totals> totals, String name,
            Figure figure) {
        columns.add(SumColumn.number(name + "_count", "bigint", Merge.ADD, sum -> totals.apply(sum).count(figure)));
        columns.add(SumColumn.number(name + "_sum", "double precision", Merge.ADD,
                sum -> totals.apply(sum).sum(figure)));
    }

    private static <S> void maximum(List<SumColumn<S>> columns, Function<S, Totals> totals, String name,
            Figure figure) {
        columns.add(SumColumn.number(name, figure.isWhole() ? "bigint" : "double precision", Merge.MAX,
                sum -> totals.apply(sum).max(figure)));
    }

    /** NaN where nothing was counted. */
    private static double sumOrNull(NodeTotals sum, Figure figure) {
        return sum.figures().count(figure) == 0 ? Double.NaN : sum.figures().sum(figure);
    }

    private static double orNull(@Nullable Number value) {
        return value == null ? Double.NaN : value.doubleValue();
    }

    private static double microsOrNull(@Nullable Instant time) {
        return time == null ? Double.NaN : micros(time);
    }

    /** Adds samples, each of which must be new. */
    void add(Handle handle, List<Sample> samples) throws SQLException {
        SortedMap<SumTable.Key, NodeTotals> nodes = new TreeMap<>(SumTable.Key.ORDER);
        SortedMap<SumTable.Key, GpuTotals> gpus = new TreeMap<>(SumTable.Key.ORDER);
        for (Sample sample : samples) {
            nodes.computeIfAbsent(new SumTable.Key(sample.run(), sample.node(), ""), _ -> new NodeTotals()).add(sample);
            for (Sample.Gpu gpu : sample.gpus()) {
                gpus.computeIfAbsent(new SumTable.Key(sample.run(), sample.node(), gpu.gpu()), _ -> new GpuTotals())
                        .add(sample.at(), gpu);
            }
        }
        ofNodes.add(handle, nodes);
        if (!gpus.isEmpty()) {
            ofGpus.add(handle, gpus);
        }
    }

    /** The newest value of each figure of a sample's run and node. */
    static Optional<Figures> latest(Handle handle, Sample sample) {
        return handle.createQuery("select latest from job_figures where job_key = :run and node = :node")
                .bind("run", sample.run()).bind("node", sample.node())
                .map((row, _) -> Figures.of(Figure.Of.JOB, doubles(row, "latest"))).findFirst();
    }

    /** Sets the newest value of each figure, if the sample is the newest. */
    static void setLatest(Handle handle, Sample sample, Figures latest) throws SQLException {
        try (ArrayStatement update = new ArrayStatement(handle, """
                update job_figures set latest = array_replace(cast(? as double precision[]), 'NaN', null)
                where job_key = ? and node = ? and last_sample_at = ?""")) {
            update.bind(latest.toArray()).bind(sample.run()).bind(sample.node()).bind(sample.at()).execute();
        }
    }
}
