package org.jobwitness.cli;

import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Text;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** Jobs as CSV: what each was given, and what it used of it. An unknown value is an empty field. */
final class JobsCsv {
    private static final List<String> HEADER = List.of("id", "run", "cluster", "user", "account", "partition", "name",
            "state", "reason", "start_time", "end_time", "runtime_seconds", "time_limit_minutes", "time_percent",
            "nodes",
            "cpus", "cpu_percent", "memory_mb", "max_memory_mb", "memory_percent", "gpus", "gpu_percent", "coverage");
    private static final Pattern NEEDS_QUOTES = Pattern.compile("[\",]|^\\s|\\s$");

    private JobsCsv() {
    }

    static String of(List<Job> jobs) {
        return Stream.concat(Stream.of(HEADER.stream()), jobs.stream().map(JobsCsv::fields))
                .map(row -> row.collect(Collectors.joining(",")) + "\n").collect(Collectors.joining());
    }

    private static Stream<String> fields(Job job) {
        Scheduler scheduler = job.scheduler();
        return Stream.of(JobListing.slurmId(job), job.run(), job.cluster(), job.user(), scheduler.account(),
                scheduler.partition(), scheduler.name(), job.state(), job.reason(), job.startTime(), job.endTime(),
                SeffPage.ranSeconds(job), scheduler.timeLimitMinutes(), Efficiency.ofTime(job), job.nodeCount(),
                job.allocatedCpus(), job.avgCpuUsage(), job.allocatedMemoryMb(), job.maxMemoryUsageMb(),
                Efficiency.ofMemory(job), job.allocatedGpus(), job.avgGpuUsage(), job.coverage())
                .map(JobsCsv::field);
    }

    /** A spreadsheet would run text that looks like a formula: an apostrophe before it marks it as text. */
    private static String field(@Nullable Object value) {
        if (value instanceof Double number) {
            return BigDecimal.valueOf(Math.round(number * 1e3), 3).stripTrailingZeros().toPlainString();
        }
        String text = Text.of(Objects.toString(value, "")).plain();
        String plain = !text.isEmpty() && "=+-@".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
        return NEEDS_QUOTES.matcher(plain).find() ? '"' + plain.replace("\"", "\"\"") + '"' : plain;
    }
}
