package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;

/** What is found of all runs that go on or have just ended, for monitoring. */
public final class JobFindings {
    private final EvidenceReader reader;
    private final Thresholds thresholds;

    public JobFindings(EvidenceReader reader, Thresholds thresholds) {
        this.reader = reader;
        this.thresholds = thresholds;
    }

    /** A finding of a run. */
    public record OfJob(String cluster, String jobId, String user, FindingRule rule, Severity severity) {
    }

    /**
     * Tells each finding of each newest run that goes on, or ended less than five minutes ago. Rules that would have to look at
     * other runs are left out. To be called in a transaction.
     */
    public void each(Handle handle, Instant now, Consumer<OfJob> consumer) {
        reader.eachRecent(handle, now, now.minus(Duration.ofMinutes(5)), evidence -> {
            Evidence.Run run = evidence.run();
            UseRules.Use use = UseRules.judge(evidence, OutcomeRules.causeOf(evidence), thresholds);
            for (Verdict.Finding finding : use.findings()) {
                consumer.accept(new OfJob(run.cluster(), run.id(), run.user() == null ? "" : run.user(),
                        finding.rule(), finding.severity()));
            }
        });
    }
}
