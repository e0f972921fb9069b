package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.micros;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jspecify.annotations.Nullable;

/**
 * Owns the sums of samples: of a run on a node, and of each of its GPUs. They are added up here first, so that each row is
 * written once a transaction, and always in the same order, so that no two writers wait for each other.
 */
final class FiguresTables {
    private static final List<Column<OfNode>> OF_NODE = List.of(
            new Column<>("sample_count", "bigint", Merge.ADD, OfNode::samples),
            new Column<>("covered_ms", "bigint", Merge.ADD, sum -> sum.interval.sumOrNull()),
            new Column<>("suspended_ms", "bigint", Merge.ADD, sum -> sum.suspended.sumOrNull()),
            new Column<>("first_sample_at", "timestamptz", Merge.LEAST, sum -> micros(sum.first)),
            new Column<>("last_sample_at", "timestamptz", Merge.MOST, sum -> micros(sum.last)),
            new Column<>("last_interval_ms", "integer", Merge.NEWEST, sum -> sum.latest.whole(Figure.INTERVAL_MS)),
            new Column<>("latest", "double precision[]", Merge.NEWEST, sum -> sum.latest.sqlArray()),
            new Column<>("is_last", "boolean", Merge.EITHER_OF_NEWEST, sum -> sum.isLast),
            new Column<>("absent", "jsonb", Merge.NEWEST, sum -> sum.absentJson),
            new Column<>("cpu_count", "bigint", Merge.ADD, sum -> sum.cpu.count),
            new Column<>("cpu_sum", "double precision", Merge.ADD, sum -> sum.cpu.sum),
            new Column<>("cpu_max", "double precision", Merge.MOST, sum -> sum.cpu.most()),
            new Column<>("memory_count", "bigint", Merge.ADD, sum -> sum.memory.count),
            new Column<>("memory_sum", "double precision", Merge.ADD, sum -> sum.memory.sum),
            new Column<>("memory_max_bytes", "bigint", Merge.MOST, sum -> sum.memory.mostWhole()),
            new Column<>("anon_count", "bigint", Merge.ADD, sum -> sum.anon.count),
            new Column<>("anon_sum", "double precision", Merge.ADD, sum -> sum.anon.sum),
            new Column<>("anon_max_bytes", "bigint", Merge.MOST, sum -> sum.anon.mostWhole()),
            new Column<>("file_count", "bigint", Merge.ADD, sum -> sum.file.count),
            new Column<>("file_sum", "double precision", Merge.ADD, sum -> sum.file.sum),
            new Column<>("file_max_bytes", "bigint", Merge.MOST, sum -> sum.file.mostWhole()),
            new Column<>("gpu_count", "bigint", Merge.ADD, sum -> sum.gpu.count),
            new Column<>("gpu_sum", "double precision", Merge.ADD, sum -> sum.gpu.sum),
            new Column<>("gpu_max", "double precision", Merge.MOST, sum -> sum.gpu.most()),
            counter("memory_peak_bytes", Figure.MEMORY_PEAK_BYTES), counter("cpu_usage_usec", Figure.CPU_USAGE_USEC),
            counter("cpu_user_usec", Figure.CPU_USER_USEC), counter("cpu_system_usec", Figure.CPU_SYSTEM_USEC),
            counter("cpu_throttled_usec", Figure.CPU_THROTTLED_USEC),
            counter("cpu_pressure_usec", Figure.CPU_PRESSURE_USEC),
            counter("memory_pressure_usec", Figure.MEMORY_PRESSURE_USEC),
            counter("memory_stall_usec", Figure.MEMORY_STALL_USEC), counter("oom_events", Figure.OOM_EVENTS),
            counter("oom_kills", Figure.OOM_KILLS), counter("io_read_bytes", Figure.IO_READ_BYTES),
            counter("io_write_bytes", Figure.IO_WRITE_BYTES), counter("io_pressure_usec", Figure.IO_PRESSURE_USEC),
            counter("io_stall_usec", Figure.IO_STALL_USEC));
    private static final List<Column<OfGpu>> OF_GPU = List.of(
            new Column<>("gpu_vendor", "text", Merge.FIRST, sum -> sum.vendor),
            new Column<>("sample_count", "bigint", Merge.ADD, OfGpu::samples),
            new Column<>("last_sample_at", "timestamptz", Merge.MOST, sum -> micros(sum.last)),
            new Column<>("last_interval_ms", "integer", Merge.NEWEST,
                    sum -> sum.latest.whole(Figure.GPU_INTERVAL_MS)),
            new Column<>("latest", "double precision[]", Merge.NEWEST, sum -> sum.latest.sqlArray()),
            new Column<>("absent", "jsonb", Merge.NEWEST, sum -> sum.absentJson),
            new Column<>("utilization_count", "bigint", Merge.ADD, sum -> sum.utilization.count),
            new Column<>("utilization_sum", "double precision", Merge.ADD, sum -> sum.utilization.sum),
            new Column<>("utilization_max", "double precision", Merge.MOST, sum -> sum.utilization.most()),
            new Column<>("memory_count", "bigint", Merge.ADD, sum -> sum.memory.count),
            new Column<>("memory_sum", "double precision", Merge.ADD, sum -> sum.memory.sum),
            new Column<>("memory_max_bytes", "bigint", Merge.MOST, sum -> sum.memory.mostWhole()),
            new Column<>("power_count", "bigint", Merge.ADD, sum -> sum.power.count),
            new Column<>("power_sum", "double precision", Merge.ADD, sum -> sum.power.sum),
            new Column<>("hold", "text", Merge.NEWEST, sum -> sum.hold.toString()),
            new Column<>("jobs", "text[]", Merge.NEWEST, sum -> "{" + String.join(",", sum.jobs) + "}"),
            new Column<>("device", "jsonb", Merge.FIRST, sum -> sum.deviceJson),
            new Column<>("held_from", "timestamptz", Merge.LEAST, sum -> micros(sum.heldFrom)),
            new Column<>("read_at", "timestamptz", Merge.MOST, sum -> microsOrNull(sum.read)),
            new Column<>("first_used_at", "timestamptz", Merge.LEAST, sum -> microsOrNull(sum.firstUsed)),
            new Column<>("last_used_at", "timestamptz", Merge.MOST, sum -> microsOrNull(sum.used)),
            new Column<>("processes_max", "bigint", Merge.MOST, sum -> sum.processes.mostWhole()),
            new Column<>("xid", "integer", Merge.NEWEST_KNOWN, sum -> sum.xid),
            new Column<>("first_energy_at", "timestamptz", Merge.LEAST, sum -> microsOrNull(sum.energy.firstAt())),
            new Column<>("last_energy_at", "timestamptz", Merge.MOST, sum -> microsOrNull(sum.energy.lastAt())),
            new Column<>("first_energy_joules", "double precision", Merge.FIRST_ENERGY, sum -> sum.energy.first()),
            new Column<>("last_energy_joules", "double precision", Merge.LAST_ENERGY, sum -> sum.energy.last()),
            new Column<>("energy_joules", "double precision", Merge.ENERGY, sum -> sum.energy.joules()));
    private static final String INTO_OF_NODE = upsert("job_figures", List.of("job_key", "node"), OF_NODE);
    private static final String INTO_OF_GPU = upsert("job_gpu_figures", List.of("job_key", "node", "gpu"), OF_GPU);

    private final Json json;

    FiguresTables(Json json) {
        this.json = json;
    }

    /** How what is known and what is new come together. Null is nothing. */
    private enum Merge {
        ADD("coalesce(known.%1$s + excluded.%1$s, known.%1$s, excluded.%1$s)"),
        MOST("greatest(known.%1$s, excluded.%1$s)"),
        LEAST("least(known.%1$s, excluded.%1$s)"),
        FIRST("coalesce(known.%1$s, excluded.%1$s)"),
        NEWEST("case when known.last_sample_at > excluded.last_sample_at then known.%1$s else excluded.%1$s end"),
        NEWEST_KNOWN("""
                case when known.last_sample_at > excluded.last_sample_at then coalesce(known.%1$s, excluded.%1$s)
                    else coalesce(excluded.%1$s, known.%1$s) end"""),
        FIRST_ENERGY("""
                case when known.first_energy_at <= excluded.first_energy_at or excluded.first_energy_at is null
                    then known.%1$s else excluded.%1$s end"""),
        LAST_ENERGY("""
                case when known.last_energy_at >= excluded.last_energy_at or excluded.last_energy_at is null
                    then known.%1$s else excluded.%1$s end"""),
        /**
         * What both have counted, and what was counted between them; where they overlap, what the one knows beyond the other's
         * ends. A counter that is less than it was has begun anew, and then counted what it says.
         */
        ENERGY("""
                case when known.%1$s is null or excluded.%1$s is null then coalesce(known.%1$s, excluded.%1$s)
                    else known.%1$s
                        + case when excluded.first_energy_at >= known.first_energy_at then 0
                            when excluded.last_energy_at > known.first_energy_at
                                then greatest(0, known.first_energy_joules - excluded.first_energy_joules)
                            else excluded.%1$s + known.first_energy_joules
                                - case when known.first_energy_joules >= excluded.last_energy_joules
                                    then excluded.last_energy_joules else 0 end end
                        + case when excluded.last_energy_at <= known.last_energy_at then 0
                            when excluded.first_energy_at < known.last_energy_at
                                then greatest(0, excluded.last_energy_joules - known.last_energy_joules)
                            else excluded.%1$s + excluded.first_energy_joules
                                - case when excluded.first_energy_joules >= known.last_energy_joules
                                    then known.last_energy_joules else 0 end end end"""),
        EITHER_OF_NEWEST("""
                case when known.last_sample_at > excluded.last_sample_at then known.%1$s
                    when known.last_sample_at = excluded.last_sample_at then known.%1$s or excluded.%1$s
                    else excluded.%1$s end""");

        private final String sql;

        Merge(String sql) {
            this.sql = sql;
        }
    }

    /** A column, and what a sum puts into it; of a time the microseconds, of an array and of JSON the text. */
    private record Column<S>(String name, String type, Merge merge, Function<S, @Nullable Object> value) {

        /** What goes through {@code unnest}, which would take an array of arrays to pieces. */
        Class<?> sent() {
            return switch (type) {
                case "bigint", "timestamptz" -> Long.class;
                case "integer" -> Integer.class;
                case "double precision" -> Double.class;
                case "boolean" -> Boolean.class;
                default -> String.class;
            };
        }

        String received() {
            return switch (type) {
                case "timestamptz" -> "timestamptz 'epoch' + said." + name + " * interval '1 microsecond'";
                case "double precision[]", "text[]", "jsonb" -> "cast(said." + name + " as " + type + ")";
                default -> "said." + name;
            };
        }

        @Nullable
        Object sentValue(S sum) {
            Object sent = value.apply(sum);
            return type.equals("integer") && sent != null ? Integer.valueOf(((Number) sent).intValue()) : sent;
        }
    }

    private static @Nullable Long microsOrNull(@Nullable Instant time) {
        return time == null ? null : Long.valueOf(micros(time));
    }

    private static Column<OfNode> counter(String name, Figure figure) {
        return new Column<>(name, "bigint", Merge.MOST, sum -> sum.most(figure));
    }

    private static <S> String upsert(String table, List<String> keys, List<Column<S>> columns) {
        String names = columns.stream().map(Column::name).collect(Collectors.joining(", "));
        String key = String.join(", ", keys);
        return "insert into " + table + " as known (" + key + ", " + names + ") select " + key + ", "
                + columns.stream().map(Column::received).collect(Collectors.joining(", ")) + " from unnest(:"
                + String.join(", :", keys) + ", :"
                + columns.stream().map(Column::name).collect(Collectors.joining(", :")) + ") as said (" + key + ", "
                + names + ") on conflict (" + key + ") do update set "
                + columns.stream().map(column -> column.name() + " = " + column.merge().sql.formatted(column.name()))
                        .collect(Collectors.joining(", "));
    }

    /** Adds samples, each of which must be new. */
    void add(Handle handle, List<Sample> samples) {
        Map<Key, OfNode> nodes = new TreeMap<>(Key.ORDER);
        Map<Key, OfGpu> gpus = new TreeMap<>(Key.ORDER);
        for (Sample sample : samples) {
            nodes.computeIfAbsent(new Key(sample.run(), sample.node(), ""), _ -> new OfNode()).add(sample);
            for (Sample.Gpu gpu : sample.gpus()) {
                gpus.computeIfAbsent(new Key(sample.run(), sample.node(), gpu.gpu()), _ -> new OfGpu())
                        .add(sample.at(), gpu);
            }
        }
        nodes.values().forEach(sum -> sum.absentJson = json.text(sum.absent));
        gpus.values().forEach(sum -> {
            sum.absentJson = json.text(sum.absent);
            sum.deviceJson = sum.device == null ? null : json.text(sum.device);
        });
        Update ofNodes = bind(handle.createUpdate(INTO_OF_NODE), OF_NODE, nodes.values());
        bindKeys(ofNodes, List.copyOf(nodes.keySet())).execute();
        if (!gpus.isEmpty()) {
            Update ofGpus = bind(handle.createUpdate(INTO_OF_GPU), OF_GPU, gpus.values());
            bindKeys(ofGpus, List.copyOf(gpus.keySet()))
                    .bindArray("gpu", String.class, gpus.keySet().stream().map(Key::gpu).toList()).execute();
        }
    }

    private static Update bindKeys(Update update, List<Key> keys) {
        return update.bindArray("job_key", Long.class, keys.stream().map(Key::run).toList())
                .bindArray("node", String.class, keys.stream().map(Key::node).toList());
    }

    private static <S> Update bind(Update update, List<Column<S>> columns, Collection<S> sums) {
        for (Column<S> column : columns) {
            List<@Nullable Object> values = new ArrayList<>(sums.size());
            sums.forEach(sum -> values.add(column.sentValue(sum)));
            update.bindArray(column.name(), column.sent(), values.toArray());
        }
        return update;
    }

    private record Key(long run, String node, String gpu) {
        static final Comparator<Key> ORDER = Comparator.comparingLong(Key::run).thenComparing(Key::node)
                .thenComparing(Key::gpu);
    }

    /** Adds up one figure. */
    private static final class Sum {
        private long count;
        private double sum;
        private double most = Double.NEGATIVE_INFINITY;

        void add(double value) {
            if (!Double.isNaN(value)) {
                count++;
                sum += value;
                most = Math.max(most, value);
            }
        }

        @Nullable
        Double most() {
            return count == 0 ? null : Double.valueOf(most);
        }

        @Nullable
        Long mostWhole() {
            return count == 0 ? null : Long.valueOf((long) most);
        }

        @Nullable
        Long sumOrNull() {
            return count == 0 ? null : Long.valueOf((long) sum);
        }
    }

    /** Adds up the samples of a run on a node. */
    private static final class OfNode {
        private final Sum interval = new Sum();
        private final Sum suspended = new Sum();
        private final Sum cpu = new Sum();
        private final Sum memory = new Sum();
        private final Sum anon = new Sum();
        private final Sum file = new Sum();
        private final Sum gpu = new Sum();
        /** The most of each figure, by number less 1; less than nothing where there is none. */
        private final double[] most = new double[Figure.all(Figure.Of.JOB).size()];
        private Instant first = Instant.MAX;
        private Instant last = Instant.MIN;
        private Figures latest = Figures.ofJob().build();
        private Map<String, String> absent = Map.of();
        private String absentJson = "{}";
        private boolean isLast;
        private long samples;

        OfNode() {
            Arrays.fill(most, -1);
        }

        long samples() {
            return samples;
        }

        @Nullable
        Long most(Figure figure) {
            double value = most[figure.number() - 1];
            return value < 0 ? null : Long.valueOf((long) value);
        }

        void add(Sample sample) {
            Figures figures = sample.figures();
            samples++;
            interval.add(figures.value(Figure.INTERVAL_MS));
            suspended.add(figures.value(Figure.SUSPENDED_MS));
            cpu.add(figures.value(Figure.CPU_USAGE_PERCENT));
            memory.add(figures.value(Figure.MEMORY_USAGE_BYTES));
            anon.add(figures.value(Figure.MEMORY_ANON_BYTES));
            file.add(figures.value(Figure.MEMORY_FILE_BYTES));
            gpu.add(figures.value(Figure.GPU_USAGE_PERCENT));
            for (Figure figure : Figure.all(Figure.Of.JOB)) {
                int place = figure.number() - 1;
                double value = figures.value(figure);
                most[place] = value > most[place] ? value : most[place]; // what is not a number is not more
            }
            first = sample.at().isBefore(first) ? sample.at() : first;
            if (!sample.at().isBefore(last)) {
                isLast = sample.isLast() || (isLast && sample.at().equals(last));
                last = sample.at();
                latest = figures;
                absent = sample.absent();
            }
        }
    }

    /** What a GPU's counter of energy said, and when. */
    private static final class Energy {
        private final NavigableMap<Instant, Double> readings = new TreeMap<>();

        void add(Instant at, double joules) {
            if (!Double.isNaN(joules)) {
                readings.put(at, joules);
            }
        }

        @Nullable
        Instant firstAt() {
            return readings.isEmpty() ? null : readings.firstKey();
        }

        @Nullable
        Instant lastAt() {
            return readings.isEmpty() ? null : readings.lastKey();
        }

        @Nullable
        Double first() {
            return readings.isEmpty() ? null : readings.firstEntry().getValue();
        }

        @Nullable
        Double last() {
            return readings.isEmpty() ? null : readings.lastEntry().getValue();
        }

        /** From the first to the last; a counter that is less than it was has begun anew. */
        @Nullable
        Double joules() {
            if (readings.isEmpty()) {
                return null;
            }
            double joules = 0;
            double before = readings.firstEntry().getValue();
            for (double now : readings.values()) {
                joules += now >= before ? now - before : now;
                before = now;
            }
            return joules;
        }
    }

    /** Adds up the samples of a GPU of a run; figures are those of the time in which it held the GPU alone. */
    private static final class OfGpu {
        private final Sum utilization = new Sum();
        private final Sum memory = new Sum();
        private final Sum power = new Sum();
        private final Sum processes = new Sum();
        private final Energy energy = new Energy();
        private @Nullable String vendor;
        private @Nullable GpuDevice device;
        private @Nullable String deviceJson;
        private GpuHold hold = GpuHold.ALONE;
        private List<String> jobs = List.of();
        private Instant heldFrom = Instant.MAX;
        private Instant last = Instant.MIN;
        private @Nullable Instant read;
        private @Nullable Instant firstUsed;
        private @Nullable Instant used;
        private @Nullable Integer xid;
        private Figures latest = Figures.ofGpu().build();
        private Map<String, String> absent = Map.of();
        private String absentJson = "{}";
        private long samples;

        long samples() {
            return samples;
        }

        void add(Instant at, Sample.Gpu gpu) {
            Figures figures = gpu.figures();
            samples += gpu.isAlone() ? 1 : 0;
            utilization.add(figures.value(Figure.UTILIZATION_PERCENT));
            memory.add(figures.value(Figure.MEMORY_USED_BYTES));
            power.add(figures.value(Figure.POWER_WATTS));
            processes.add(figures.value(Figure.PROCESSES));
            energy.add(at, figures.value(Figure.ENERGY_JOULES));
            vendor = gpu.vendor() == null ? vendor : gpu.vendor().toString();
            device = device == null ? gpu.device() : device;
            Long intervalMs = figures.whole(Figure.GPU_INTERVAL_MS);
            heldFrom = least(heldFrom, intervalMs == null ? at : at.minusMillis(intervalMs));
            double use = figures.value(Figure.UTILIZATION_PERCENT);
            if (!Double.isNaN(use)) {
                read = most(read, at);
            }
            if (use > 0) {
                firstUsed = least(firstUsed, at);
                used = most(used, at);
            }
            if (!at.isBefore(last)) {
                last = at;
                latest = figures;
                absent = gpu.absent();
                hold = gpu.hold();
                jobs = gpu.jobs();
                xid = gpu.xid() == null ? xid : gpu.xid();
            } else if (xid == null) {
                xid = gpu.xid();
            }
        }

        private static Instant least(@Nullable Instant one, Instant other) {
            return one == null || other.isBefore(one) ? other : one;
        }

        private static Instant most(@Nullable Instant one, Instant other) {
            return one == null || other.isAfter(one) ? other : one;
        }
    }
}
