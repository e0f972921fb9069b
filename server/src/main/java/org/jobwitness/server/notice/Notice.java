package org.jobwitness.server.notice;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/**
 * A finding of a job that its user is told of. Also a part of the webhook's JSON.
 *
 * @param run its key
 * @param foundAt when the server found it
 * @param from, to the time that the sentence speaks of
 * @param coveragePercent of the run's time on its nodes that samples cover; null if not known
 * @param lines for the next run's batch script
 */
record Notice(String cluster, String jobId, long run, String user, String rule, String severity, String sentence,
        String advice, Instant foundAt, @Nullable Instant from, @Nullable Instant to, @Nullable Double coveragePercent,
        List<String> lines) {

    Notice {
        lines = List.copyOf(lines);
    }

    static Notice of(JobFindings.Told job, Verdict.Finding finding, Instant now) {
        return new Notice(job.cluster(), job.jobId(), job.run(), job.user(), finding.rule().toString(),
                finding.severity().toString(), finding.sentence(), finding.advice(),
                now.truncatedTo(ChronoUnit.SECONDS), finding.from(), finding.to(),
                Double.isNaN(job.coverage()) ? null : (double) Math.round(100 * job.coverage()), job.nextLines());
    }
}
