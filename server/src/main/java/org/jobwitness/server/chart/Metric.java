package org.jobwitness.server.chart;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.Figure.Unit;

/**
 * What a chart can show: gauges as they are, and of counters their growth per second. Every figure has one metric, except
 * those that describe the sample itself: its interval, and for how much of it the job was suspended. One is a sum of several. openapi.yaml
 * describes each.
 *
 * @param others what is added to the figure, at the same moment, where it is known
 * @param name in the API
 * @param perSecond how many of {@code unit} a growth of 1 per second is; 0 of a gauge
 */
record Metric(Figure figure, List<Figure> others, String name, String unit, double perSecond) {
    private static final Metric NEEDED_MEMORY = new Metric(Figure.NEEDED_MEMORY.getFirst(),
            Figure.NEEDED_MEMORY.subList(1, Figure.NEEDED_MEMORY.size()), "memory_needed_bytes",
            Unit.BYTES.toString(), 0);
    private static final List<Metric> ALL = Stream.concat(Stream.of(Figure.Of.values())
            .flatMap(of -> Figure.all(of).stream()).filter(figure -> figure.unit() != Unit.MILLISECONDS)
            .map(Metric::of),
            Stream.of(NEEDED_MEMORY)).toList();
    /** Shown when a request names no metric. */
    static final List<Metric> DEFAULTS_OF_JOB = Stream
            .of(Figure.CPU_USAGE_PERCENT, Figure.MEMORY_USAGE_BYTES, Figure.GPU_USAGE_PERCENT).map(Metric::of).toList();
    static final List<Metric> DEFAULTS_OF_GPU = Stream
            .of(Figure.UTILIZATION_PERCENT, Figure.MEMORY_USED_BYTES, Figure.POWER_WATTS).map(Metric::of).toList();

    Metric {
        others = List.copyOf(others);
    }

    private Metric(Figure figure, String name, String unit, double perSecond) {
        this(figure, List.of(), name, unit, perSecond);
    }

    static List<Metric> all() {
        return ALL;
    }

    static Metric of(Figure figure) {
        String name = figure.toString();
        if (!figure.isCounter()) {
            return new Metric(figure, name, figure.unit().toString(), 0);
        }
        return switch (figure.unit()) {
            case CPU_MICROSECONDS -> new Metric(figure, cpusUsed(figure), "cpus", 1e-6);
            case MICROSECONDS -> new Metric(figure, name.replace("_usec", "_percent"), "percent", 1e-4);
            case JOULES -> new Metric(figure, name + "_per_second", "watts", 1);
            case EVENTS -> new Metric(figure, name + "_per_second", "per_second", 1);
            default -> new Metric(figure, name + "_per_second", figure.unit() + "_per_second", 1);
        };
    }

    private static String cpusUsed(Figure figure) {
        String mode = figure.toString().replace("cpu_", "").replace("_usec", "");
        return mode.equals("usage") ? "cpus_used" : "cpus_used_" + mode;
    }

    static Optional<Metric> named(String name) {
        return ALL.stream().filter(metric -> metric.name.equals(name)).findFirst();
    }

    /** The metric of a counter, by the counter's name. */
    static Optional<Metric> ofCounter(String figure) {
        return ALL.stream().filter(metric -> metric.isRate() && metric.figure.toString().equals(figure)).findFirst();
    }

    boolean isRate() {
        return figure.isCounter();
    }

    @Override
    public String toString() {
        return name;
    }
}
