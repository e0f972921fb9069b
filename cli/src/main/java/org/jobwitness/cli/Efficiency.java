package org.jobwitness.cli;

import java.util.List;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jspecify.annotations.Nullable;

/** How much jobs used of what they were given, a row for each. */
final class Efficiency {
    private static final int LITTLE = 40;

    private Efficiency() {
    }

    static Table of(List<Job> jobs) {
        Table table = new Table(List.of(Column.left("JOB", 0), Column.left("USER", 1), Column.left("STATE", 0),
                Column.right("ELAPSED", 2), Column.right("TIME", 3), Column.right("CPU", 6), Column.right("MEMORY", 5),
                Column.right("GPU", 4), Column.left("NAME", 1)));
        for (Job job : jobs) {
            table.row(List.of(Text.of(JobListing.slurmId(job), Style.STRONG), Table.cell(job.user(), user -> user),
                    JobListing.state(job), Table.cell(SeffPage.ranSeconds(job), Units::slurmDuration),
                    percent(ofTime(job)),
                    percent(job.avgCpuUsage()), percent(ofMemory(job)), percent(job.avgGpuUsage()),
                    Table.cell(job.scheduler().name(), name -> name)));
        }
        return table;
    }

    private static Text percent(@Nullable Double percent) {
        return percent == null
                ? Text.empty()
                : Text.of(Units.percent(percent), percent < LITTLE ? Style.WARNING : Style.PLAIN);
    }

    /** Percent of its time limit. */
    static @Nullable Double ofTime(Job job) {
        Double ran = SeffPage.ranSeconds(job);
        Integer limit = job.scheduler().timeLimitMinutes();
        return ran == null || limit == null || limit == 0 ? null : Double.valueOf(100 * ran / (60.0 * limit));
    }

    /** The peak, in percent of what it was given. */
    static @Nullable Double ofMemory(Job job) {
        Double limit = SeffPage.memoryLimitMb(job);
        Double used = job.maxMemoryUsageMb();
        return used == null || limit == null || limit == 0 ? null : Double.valueOf(100 * used / limit);
    }
}
