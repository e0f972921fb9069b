package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.Verdict;

/** The usage and findings of all runs that are running or have just ended, for monitoring: their rows are read once for both. */
public final class JobFindings {
    private final EvidenceReader reader;
    private final Thresholds thresholds;

    public JobFindings(EvidenceReader reader, Thresholds thresholds) {
        this.reader = reader;
        this.thresholds = thresholds;
    }

    /**
     * A run.
     *
     * @param user empty if it is not known
     */
    public record OfJob(String cluster, String jobId, String user, List<RunUse.NodeUsage> onNodes,
            List<RunUse.GpuUsage> gpus, List<Verdict.Finding> findings) {
        public OfJob {
            onNodes = List.copyOf(onNodes);
            gpus = List.copyOf(gpus);
            findings = List.copyOf(findings);
        }
    }

    /**
     * Passes on each newest run that is running, or ended less than five minutes ago. Rules that would have to look at other runs
     * are left out. To be called in a transaction.
     */
    public void each(Handle handle, Instant now, Consumer<OfJob> consumer) {
        reader.eachRecent(handle, now, now.minus(Duration.ofMinutes(5)), recent -> {
            RunEvidence evidence = recent.evidence();
            RunEvidence.Run run = evidence.run();
            Judgement use = UseRules.judge(evidence, CauseRules.cause(evidence), thresholds);
            consumer.accept(new OfJob(run.cluster(), run.id(), run.user() == null ? "" : run.user(), recent.onNodes(),
                    recent.gpus(), use.findings()));
        });
    }
}
