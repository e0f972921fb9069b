package org.jobwitness.cli;

import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.HetJob;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/** A job array or a heterogeneous job as a whole, above the page of the one of its jobs that its id finds. */
final class WholePage {
    private static final int INDENT = 2;

    private WholePage() {
    }

    /** Adds nothing if the job was asked for by its own id. */
    static void add(Page page, Job job) {
        JobArray array = job.array();
        HetJob hetJob = job.hetJob();
        if (array != null) {
            page.line(Text.of("Job array " + array.id(), Style.STRONG).plus(": "
                    + (array.incomplete() == null ? "" : "at least ") + Units.count(array.tasks(), "task")
                    + " recorded, " + states(array.pending(), array.running(),
                            array.completed(), array.failed(), array.cancelled())));
            page.blank();
            if (array.incomplete() != null) {
                page.paragraph(INDENT, Text.of("There may be more tasks: " + array.incomplete() + "."));
            }
            page.paragraph(INDENT, Text.of((array.newest() == null
                    ? "All of them wait together, as the job below."
                    : "The newest task is " + array.newest() + ". The job below is "
                            + (JobListing.slurmId(job).equals(array.newest()) ? "that one" : name(job)) + ".")
                    + " To list all tasks:"));
            page.toCopy(2 * INDENT, "jobwitness jobs " + array.id()).blank();
        } else if (hetJob != null) {
            page.line(Text.of("Heterogeneous job " + hetJob.id(), Style.STRONG).plus(": "
                    + Units.count(hetJob.components(), "component") + " recorded, " + states(hetJob.pending(),
                            hetJob.running(), hetJob.completed(), hetJob.failed(), hetJob.cancelled())));
            page.blank().paragraph(INDENT, Text.of("The job below is " + name(job) + ". To list all components:"));
            page.toCopy(2 * INDENT, "jobwitness jobs " + hetJob.id()).blank();
        }
    }

    private static String name(Job job) {
        String id = JobListing.slurmId(job);
        return id.equals(job.id()) ? "job " + id : id;
    }

    private static String states(long pending, long running, long completed, long failed, long cancelled) {
        return String.join(", ", Stream.of(count(pending, JobState.PENDING), count(running, JobState.RUNNING),
                count(completed, JobState.COMPLETED), count(failed, JobState.FAILED),
                count(cancelled, JobState.CANCELLED)).filter(Objects::nonNull).toList());
    }

    private static @Nullable String count(long jobs, JobState state) {
        return jobs == 0 ? null : jobs + " " + state;
    }
}
