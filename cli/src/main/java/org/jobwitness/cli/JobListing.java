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
import org.jobwitness.wire.Scheduler;

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
            Double cpu = ended ? job.avgCpuUsage() : job.cpuUsage();
            Double memory = ended ? job.maxMemoryUsageMb() : job.memoryUsageMb();
            Double gpu = ended ? job.avgGpuUsage() : job.gpuUsage();
            table.row(List.of(Text.of(slurmId(job), Style.STRONG), Table.cell(job.user(), user -> user), state(job),
                    Table.cell(job.startTime(), start -> Units.timeBeside(start, now, zone)),
                    Table.cell(job.runtimeSeconds(), Units::duration),
                    Table.cell(job.nodeCount(), Object::toString), Table.cell(cpu, Units::percent),
                    Table.cell(memory, Units::mebibytes), Table.cell(gpu, Units::percent),
                    Table.cell(job.scheduler().name(), name -> name)));
        }
        return table;
    }

    /** As squeue and sacct write it: {@code 500_7} for a task of an array, {@code 500_[8-20%2]} for those that wait together, {@code 510+1} for a component of a heterogeneous job. */
    static String slurmId(Job job) {
        Scheduler scheduler = job.scheduler();
        if (scheduler.arrayJobId() != null && scheduler.arrayTaskId() != null) {
            return scheduler.arrayJobId() + "_" + scheduler.arrayTaskId();
        }
        if (scheduler.arrayJobId() != null && scheduler.arrayTasks() != null && job.startTime() == null) {
            return scheduler.arrayJobId() + "_[" + scheduler.arrayTasks() + "]";
        }
        return scheduler.hetJobId() != null && scheduler.hetJobOffset() != null
                ? scheduler.hetJobId() + "+" + scheduler.hetJobOffset()
                : job.id();
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
}
