package org.jobwitness.server.verdict;

import org.jobwitness.wire.Verdict;

/** Makes a verdict of evidence: a pure function. docs/verdicts.md describes each rule. */
final class VerdictRules {
    private VerdictRules() {
    }

    /** @param notes the site's own words, shown with the advice */
    static Verdict judge(RunEvidence evidence, Thresholds thresholds, SiteNotes notes) {
        RunEvidence.Run run = evidence.run();
        Verdict.Outcome outcome = OutcomeRules.judge(evidence);
        Judgement use = UseRules.judge(evidence, outcome.cause(), thresholds);
        Verdict.NextRequest next = NextRules.judge(evidence, thresholds);
        return new Verdict(run.id(), run.key(), run.cluster(), run.user(), evidence.now(), run.start(), run.end(),
                outcome, UseOverview.of(evidence), ShortAdvice.of(evidence, outcome, use.findings(), next),
                notes.of(evidence, outcome.cause(), use.findings()),
                use.findings(), use.notJudged(), next, RetryRules.judge(evidence, outcome, next), evidence.otherRuns());
    }
}
