package org.jobwitness.cli;

import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** Jobs as rows of a table: the current use of a running job, the mean or peak use of an ended one. */
final class JobListing {
    private JobListing() {
    }

    static Table of(List<Job> jobs, Instant now, ZoneId zone) {
        Table table = new Table(List.of(Column.left("JOB", 0), Column.left("USER", 4), Column.left("STATE", 0),
                Column.left("START", 3), Column.right("TIME", 2), Column.right("NODES", 1), Column.right("CPU", 6),
                Column.right("MEMORY", 6), Column.right("GPU", 6), Column.left("NAME", 5)));
        for (Job job : jobs) {
            boolean ended = job.state().isFinal();
            table.row(List.of(Text.of(job.id(), Style.STRONG), Text.of(job.user() == null ? "" : job.user()),
                    state(job), Text.of(job.startTime() == null ? "" : Units.timeBeside(job.startTime(), now, zone)),
                    Text.of(job.runtimeSeconds() == null ? "" : Units.duration(job.runtimeSeconds())),
                    Text.of(job.nodeCount() == null ? "" : job.nodeCount().toString()),
                    percent(ended ? job.avgCpuUsage() : job.cpuUsage()),
                    memory(ended ? job.maxMemoryUsageMb() : job.memoryUsageMb()),
                    percent(ended ? job.avgGpuUsage() : job.gpuUsage()),
                    Text.of(job.scheduler().name() == null ? "" : job.scheduler().name())));
        }
        return table;
    }

    /** {@code failed: out of memory}, with a question mark if that is not confirmed. */
    static Text state(Job job) {
        return Text.of(job.state().toString(), style(job.state())).plus(because(job))
                .plus(Boolean.FALSE.equals(job.confirmed()) ? "?" : "");
    }

    private static String because(Job job) {
        Reason reason = job.reason();
        return reason == null || reason == Reason.UNKNOWN || reason.toString().equals(job.state().toString())
                ? ""
                : ": " + reason.toString().replace('_', ' ');
    }

    static Style style(JobState state) {
        return switch (state) {
            case COMPLETED -> Style.GOOD;
            case FAILED -> Style.BAD;
            case CANCELLED -> Style.WARNING;
            case PENDING, RUNNING -> Style.STRONG;
        };
    }

    private static Text percent(@Nullable Double percent) {
        return Text.of(percent == null ? "" : Units.percent(percent));
    }

    private static Text memory(@Nullable Double mebibytes) {
        return Text.of(mebibytes == null ? "" : Units.mebibytes(mebibytes));
    }
}
