package org.jobwitness.server.page;

import java.util.List;
import org.jobwitness.server.verdict.Phrases;

/**
 * A chart of a job: which metrics it shows, and how it should look.
 *
 * @param expectation one sentence on how it looks for a job that does well
 * @param lines the first is the one that matters most
 */
record Chart(String id, String title, String expectation, Unit unit, List<Line> lines) {
    static final String MEMORY_LIMIT = "memory_limit_bytes";
    static final Chart MEMORY = new Chart("memory", "Memory",
            "Should stay below the limit. Page cache may fill it: the kernel takes that back when programs need memory.",
            Unit.BYTES,
            List.of(new Line("memory_usage_bytes", "used, with page cache", Shape.AREA),
                    new Line("memory_needed_bytes", "needed by its programs", Shape.LINE),
                    new Line(MEMORY_LIMIT, "limit", Shape.LIMIT)));
    static final Chart CPUS = new Chart("cpus", "CPUs",
            "Should be near the number of CPUs that it has: what lies between is not used.", Unit.CPUS,
            List.of(new Line("cpus_used", "busy", Shape.AREA), new Line("cpus", "allocated", Shape.LIMIT)));
    static final Chart IO = new Chart("io", "Disk I/O",
            "Should be low, or come in bursts: long plateaus mean that files are what it waits for.",
            Unit.BYTES_PER_SECOND,
            List.of(new Line("io_read_bytes_per_second", "read", Shape.AREA),
                    new Line("io_write_bytes_per_second", "written", Shape.LINE)));
    static final Chart PRESSURE = new Chart("pressure", "Time spent waiting",
            "Should be near 0: the share of time in which some of its processes waited for CPUs, memory or I/O.",
            Unit.PERCENT,
            List.of(new Line("cpu_pressure_percent", "for CPUs", Shape.LINE),
                    new Line("memory_pressure_percent", "for memory", Shape.LINE),
                    new Line("io_pressure_percent", "for I/O", Shape.LINE)));
    static final List<Chart> OF_NODES = List.of(MEMORY, CPUS, IO, PRESSURE);
    static final List<String> OF_GPUS = List.of("utilization_percent");

    Chart {
        lines = List.copyOf(lines);
    }

    List<String> metrics() {
        return lines.stream().map(Line::metric).toList();
    }

    /** How a metric is drawn. */
    enum Shape {
        AREA,
        LINE,
        /** Dashed, in steps: what may be used. */
        LIMIT
    }

    /** @param label what it means, for the legend */
    record Line(String metric, String label, Shape shape) {
    }

    /** What a chart counts, and how people read that. */
    enum Unit {
        BYTES,
        BYTES_PER_SECOND,
        CPUS,
        PERCENT;

        String words(double value) {
            return switch (this) {
                case BYTES -> Phrases.bytes(value);
                case BYTES_PER_SECOND -> Phrases.bytes(value) + "/s";
                case CPUS -> Phrases.number(value);
                case PERCENT -> Phrases.percent(value);
            };
        }

        /** A round number at or above a value, for the end of an axis. */
        double ceiling(double value) {
            if (this == PERCENT) {
                return value > 50 ? 100 : Math.max(1, decimal(value));
            }
            if (this == CPUS) {
                return Math.max(1, value <= 4 ? Math.ceil(value) : decimal(value));
            }
            double unit = 1;
            while (value / unit >= 1024) {
                unit *= 1024;
            }
            return Math.max(unit, decimal(value / unit) * unit);
        }

        /** The next of 1, 2, 4, 5, 6, 8 and 10, times a power of ten. */
        private static double decimal(double value) {
            double power = Math.pow(10, Math.floor(Math.log10(Math.max(value, 1))));
            return List.of(1, 2, 4, 5, 6, 8, 10).stream().mapToDouble(step -> step * power)
                    .filter(step -> step >= value - 1e-9).findFirst().orElse(10 * power);
        }
    }
}
