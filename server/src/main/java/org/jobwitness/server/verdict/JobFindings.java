package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

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
     * A run whose user may be told of its findings.
     *
     * @param run its key
     * @param user empty if it is not known
     * @param end null while it runs
     * @param coverage the part of its time on its nodes that samples cover; NaN if not known
     * @param lastSample the newest of any node; null if there is none
     * @param nextLines for the next run's batch script
     */
    public record Told(String cluster, String jobId, long run, String user, @Nullable Instant end, double coverage,
            @Nullable Instant lastSample, List<Verdict.Finding> findings, List<String> nextLines) {
        public Told {
            findings = List.copyOf(findings);
            nextLines = List.copyOf(nextLines);
        }
    }

    /** Passes on each newest run that is running and has findings, as {@link #each}. */
    public void running(Handle handle, Instant now, Consumer<Told> consumer) {
        reader.eachRecent(handle, now, now, recent -> {
            if (!recent.evidence().run().hasEnded()) {
                tell(recent.evidence(), consumer);
            }
        });
    }

    /** The same of each run that ended in a time, as it was at its end; not to be called in a transaction. */
    public void ended(Instant from, Instant to, Consumer<Told> consumer) {
        reader.eachEnded(from, to, evidence -> tell(evidence, consumer));
    }

    private void tell(RunEvidence evidence, Consumer<Told> consumer) {
        RunEvidence.Run run = evidence.run();
        List<Verdict.Finding> found = UseRules.judge(evidence, CauseRules.cause(evidence), thresholds).findings();
        if (!found.isEmpty()) {
            consumer.accept(new Told(run.cluster(), run.id(), run.key(), run.user() == null ? "" : run.user(),
                    run.end(), evidence.coverage(), evidence.lastSample(), found,
                    NextRules.judge(evidence, thresholds).lines()));
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
