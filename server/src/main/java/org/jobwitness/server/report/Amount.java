package org.jobwitness.server.report;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What is added up for reports: a column of {@code report_day} and {@code report_fact}, a whole number in the unit at the end of
 * its name. Allocated hours are those of what a run had while it was not suspended; measured ones are the part of them of which
 * the use is known, and wasted ones the unused part of these.
 */
enum Amount {
    RUNS,
    /** Runs that took time, and of whose CPUs no use is known. */
    NOT_MEASURED_RUNS,
    NODE_MS,
    /** The time of {@link #NODE_MS} for which samples stand. */
    COVERED_MS,
    CPU_MS,
    CPU_MEASURED_MS,
    CPU_USED_MS,
    CPU_WASTED_MS,
    GPU_MS,
    GPU_MEASURED_MS,
    GPU_USED_MS,
    GPU_WASTED_MS,
    MEMORY_MIB_S,
    MEMORY_MEASURED_MIB_S,
    MEMORY_USED_MIB_S,
    MEMORY_WASTED_MIB_S,
    /** By the counters of GPUs that runs held alone. */
    GPU_ENERGY_JOULES,
    /** Runs of which the time from submission to start is known. */
    WAITS,
    WAIT_MS;

    String column() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** A list for SQL, with each column in place of {@code %1$s}. */
    static String each(String sql) {
        return Arrays.stream(values()).map(amount -> String.format(Locale.ROOT, sql, amount.column()))
                .collect(Collectors.joining(", "));
    }
}
