package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.proof;

import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;

/** Time limits that are far too long, runs that are too short, and runs of which samples cover too little. */
final class TimeRules {
    private TimeRules() {
    }

    static Judgement judge(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        return Judgement.of(overasked(evidence, cause, thresholds), shortJobs(evidence, thresholds),
                lowCoverage(evidence, thresholds));
    }

    private static Judgement overasked(RunEvidence evidence, Cause cause, Thresholds thresholds) {
        Run run = evidence.run();
        double seconds = evidence.ranSeconds();
        double limit = run.timeLimitSeconds();
        if (cause != Cause.COMPLETED || !(limit > 0) || !(100 * seconds < thresholds.usedPercent() * limit)
                || limit - seconds < Thresholds.MIN_UNUSED_TIME.toSeconds()) {
            return Judgement.NONE;
        }
        return Judgement.found(FindingRule.TIME_OVERASKED, Severity.INFO,
                "It asked for " + Phrases.time(limit) + " and ran for " + Phrases.time(seconds) + ".")
                .advice("Ask for less time: Slurm can fit a shorter job into gaps (backfill), so it starts sooner.")
                .between(run.start(), run.end())
                .by(proof(Source.RECORDS, "It ran for " + Phrases.time(seconds) + ".").at(run.end())
                        .quantity("runtime", seconds, Unit.SECONDS).build(),
                        proof(Source.RECORDS, "Its time limit was " + Phrases.time(limit) + ".")
                                .quantity("time_limit", limit, Unit.SECONDS).build());
    }

    private static Judgement shortJobs(RunEvidence evidence, Thresholds thresholds) {
        Run run = evidence.run();
        double seconds = run.seconds(evidence.now());
        int count = evidence.shortJobs();
        if (!run.hasEnded() || !(seconds < Thresholds.SHORT.toSeconds()) || count < thresholds.shortJobs()) {
            return Judgement.NONE;
        }
        return Judgement.found(FindingRule.SHORT_JOBS, Severity.WARNING,
                "It took " + Phrases.time(seconds) + ". Within a day, the same user started at least " + count
                        + " jobs of this name that took less than " + Phrases.time(Thresholds.SHORT) + ".")
                .advice(run.arrayJobId() == null
                        ? "Do several pieces of work in one job, one after the other, or submit a job array (sbatch --array). Starting and ending each job costs the cluster time."
                        : "Let each task of the array do several pieces of work, one after the other. Starting and ending each task costs the cluster time.")
                .between(run.start(), run.end())
                .by(proof(Source.RECORDS, "Short jobs of this user and name within a day: " + count + ".")
                        .at(run.start()).quantity("short_jobs", count, Unit.COUNT).build());
    }

    private static Judgement lowCoverage(RunEvidence evidence, Thresholds thresholds) {
        double percent = 100 * evidence.coverage();
        double seconds = evidence.run().seconds(evidence.now());
        if (!(percent < thresholds.coveragePercent()) || !(seconds >= Thresholds.SHORT.toSeconds())) {
            return Judgement.NONE;
        }
        return Judgement.found(FindingRule.LOW_COVERAGE, Severity.WARNING,
                "Samples cover only " + Phrases.percent(percent)
                        + " of its time on its nodes, so its usage figures may be wrong.")
                .advice("Check that the agent runs on all of its nodes.")
                .between(evidence.run().start(), evidence.lastSample())
                .by(proof(Source.AGENT, "The samples of " + Phrases.count(evidence.nodes().size(), "node") + " cover "
                        + Phrases.percent(percent) + " of the time.").at(evidence.lastSample())
                        .quantity("coverage", percent, Unit.PERCENT).build());
    }
}
