package org.jobwitness.cli;

import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/** A job array as a whole, above the page of the one of its tasks that its id finds. */
final class ArrayPage {
    private static final int INDENT = 2;

    private ArrayPage() {
    }

    static void add(Page page, Job job, JobArray array) {
        String states = String.join(", ", Stream.of(count(array.pending(), JobState.PENDING),
                count(array.running(), JobState.RUNNING), count(array.completed(), JobState.COMPLETED),
                count(array.failed(), JobState.FAILED), count(array.cancelled(), JobState.CANCELLED))
                .filter(Objects::nonNull).toList());
        page.line(Text.of("Job array " + array.id(), Style.STRONG).plus(": " + array.tasks()
                + (array.tasks() == 1 ? " task recorded, " : " tasks recorded, ") + states));
        Integer task = job.scheduler().arrayTaskId();
        String shown = task == null ? "job " + job.id() : array.id() + "_" + task;
        page.blank().paragraph(INDENT, Text.of("The newest task is " + array.newest() + ". The job below is "
                + (shown.equals(array.newest()) ? "that one" : shown) + ". To list all tasks:"));
        page.toCopy(2 * INDENT, "jobwitness jobs --array=" + array.id()).blank();
    }

    private static @Nullable String count(long tasks, JobState state) {
        return tasks == 0 ? null : tasks + " " + state;
    }
}
