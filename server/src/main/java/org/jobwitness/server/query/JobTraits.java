package org.jobwitness.server.query;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.Outcome;
import org.jobwitness.server.job.Run;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** What runs are found by: enough to say, without asking the database, whether somebody wants to hear of one, and may. */
public record JobTraits(String cluster, String jobId, JobState state, @Nullable Reason reason, @Nullable String user,
        List<String> nodes, @Nullable String partition, @Nullable String account, @Nullable String name) {

    public static JobTraits of(Job job) {
        return new JobTraits(job.cluster(), job.id(), job.state(), job.reason(), job.user(), job.nodes(),
                job.scheduler().partition(), job.scheduler().account(), job.scheduler().name());
    }

    public static JobTraits of(Run run) {
        Outcome outcome = run.outcome();
        JobAttributes about = run.about();
        return new JobTraits(run.identity().cluster(), run.identity().jobId(), outcome.state(), outcome.reason(),
                about.user(), about.nodes(), about.partition(), about.account(),
                about.scheduler().get("name") instanceof String name ? name : null);
    }

    /** Says of one run what {@code JobQueries.seenBy} asks the database of all. */
    public boolean isSeenBy(Scope scope) {
        return switch (scope) {
            case Scope.Everything _ -> true;
            case Scope.JobsOf jobs -> jobs.user().equals(user);
        };
    }

    boolean holds(String lowerCase) {
        return Stream.of(jobId, user, account, partition, String.join(" ", nodes), name).filter(Objects::nonNull)
                .anyMatch(text -> text.toLowerCase(Locale.ROOT).contains(lowerCase));
    }
}
