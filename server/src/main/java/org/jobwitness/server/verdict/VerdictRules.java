package org.jobwitness.server.verdict;

import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/** Makes a verdict of evidence: a pure function. docs/verdicts.md describes each rule. */
final class VerdictRules {
    private VerdictRules() {
    }

    /** @param siteNote the site's own words, shown with the advice; null for none */
    static Verdict judge(RunEvidence evidence, Thresholds thresholds, @Nullable String siteNote) {
        RunEvidence.Run run = evidence.run();
        Verdict.Outcome outcome = OutcomeRules.judge(evidence);
        Judgement use = UseRules.judge(evidence, outcome.cause(), thresholds);
        Verdict.NextRequest next = NextRules.judge(evidence, thresholds);
        return new Verdict(run.id(), run.key(), run.cluster(), run.user(), evidence.now(), run.start(), run.end(),
                outcome, UseOverview.of(evidence), ShortAdvice.of(evidence, outcome, use.findings(), next), siteNote,
                use.findings(), use.notJudged(), next, RetryRules.judge(evidence, outcome, next), evidence.otherRuns());
    }
}
