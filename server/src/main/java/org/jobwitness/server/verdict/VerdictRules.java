package org.jobwitness.server.verdict;

import org.jobwitness.wire.Verdict;

/** Makes a verdict of evidence: a pure function. docs/verdicts.md describes each rule. */
final class VerdictRules {
    private VerdictRules() {
    }

    static Verdict judge(RunEvidence evidence, Thresholds thresholds) {
        RunEvidence.Run run = evidence.run();
        Verdict.Outcome outcome = OutcomeRules.judge(evidence);
        Judgement use = UseRules.judge(evidence, outcome.cause(), thresholds);
        return new Verdict(run.id(), run.key(), run.cluster(), run.user(), evidence.now(), outcome, use.findings(),
                use.notJudged(), NextRules.judge(evidence, thresholds));
    }
}
