package org.jobwitness.server.query;

import java.util.List;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.Outcome;
import org.jobwitness.server.job.Run;
import org.jobwitness.server.job.SearchText;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** What runs are selected by: enough to decide, without the database, whether a caller asks for a run and may see it. */
public record JobTraits(long run, String cluster, String jobId, JobState state, @Nullable Reason reason,
        @Nullable String user, @Nullable Long uid, List<String> nodes, @Nullable String partition,
        @Nullable String account, @Nullable String arrayJobId,
        @Nullable Integer arrayTaskId, @Nullable String arrayTasks, boolean hasStarted, @Nullable String hetJobId,
        @Nullable Integer hetJobOffset,
        @Nullable String name) {

    public static JobTraits of(Job job) {
        return new JobTraits(job.run(), job.cluster(), job.id(), job.state(), job.reason(), job.user(), job.uid(),
                job.nodes(),
                job.scheduler().partition(), job.scheduler().account(),
                job.scheduler().arrayJobId(), job.scheduler().arrayTaskId(), job.scheduler().arrayTasks(),
                job.startTime() != null, job.scheduler().hetJobId(),
                job.scheduler().hetJobOffset(), job.scheduler().name());
    }

    public static JobTraits of(Run run) {
        Outcome outcome = run.outcome();
        JobAttributes attributes = run.attributes();
        return new JobTraits(run.key(), run.identity().cluster(), run.identity().jobId(), outcome.state(),
                outcome.reason(),
                attributes.user(), attributes.uid(), attributes.nodes(), attributes.partition(), attributes.account(),
                text(attributes, "array_job_id"),
                number(attributes, "array_task_id"), text(attributes, "array_tasks"), run.startTime() != null,
                attributes.hetJobId(), number(attributes, "het_job_offset"),
                text(attributes, "name"));
    }

    private static @Nullable String text(JobAttributes attributes, String name) {
        return attributes.scheduler().get(name) instanceof String text ? text : null;
    }

    private static @Nullable Integer number(JobAttributes attributes, String name) {
        return attributes.scheduler().get(name) instanceof Number number ? Integer.valueOf(number.intValue()) : null;
    }

    String searchText() {
        return SearchText.of(jobId, SearchText.task(arrayJobId, arrayTaskId),
                SearchText.component(hetJobId, hetJobOffset), name, user, account, partition, nodes);
    }
}
