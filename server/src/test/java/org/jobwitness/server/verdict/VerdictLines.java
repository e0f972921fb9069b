package org.jobwitness.server.verdict;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jobwitness.wire.Retry;
import org.jobwitness.wire.Verdict;

/** A verdict as the lines of a case file tell it. */
final class VerdictLines {
    private VerdictLines() {
    }

    /** All of it. */
    static List<String> of(Verdict verdict) {
        List<String> lines = new ArrayList<>();
        Verdict.Outcome outcome = verdict.outcome();
        lines.add("cause: " + outcome.cause() + (outcome.confirmed() ? "" : " (not confirmed)"));
        lines.add("headline: " + outcome.headline());
        lines.add("use: " + verdict.use().sentence());
        verdict.use().resources().forEach(use -> lines.add("amount: " + use.resource() + " asked=" + use.asked()
                + " may=" + use.allowed() + " used=" + use.used()
                + (use.note() == null ? "" : " " + use.note()) + (use.absent() == null ? "" : " " + use.absent())));
        lines.add("do: " + verdict.advice());
        Consumer<String> meaning = text -> lines.add("meaning: " + text);
        if (outcome.meaning() != null) {
            meaning.accept(outcome.meaning());
        }
        if (outcome.advice() != null) {
            lines.add("advice: " + outcome.advice());
        }
        outcome.evidence().forEach(fact -> lines
                .add("evidence: " + fact.strength() + " " + fact.source() + ": " + fact.says()));
        outcome.missing().forEach(missing -> lines.add("missing: " + missing));
        verdict.findings().forEach(finding -> {
            lines.add("finding: " + finding.rule() + " " + finding.severity() + ": " + finding.sentence());
            lines.add("so: " + finding.advice());
            finding.evidence().forEach(
                    fact -> lines.add("fact: " + fact.strength() + " " + fact.source() + ": " + fact.says()));
        });
        verdict.notJudged().forEach(skipped -> lines.add("not-judged: " + skipped.rule() + ": " + skipped.why()));
        lines.add("next: " + verdict.next().sentence());
        verdict.next().options().forEach(option -> {
            lines.add("ask: " + option.name() + "=" + option.value()
                    + (option.before() == null ? "" : " instead of " + option.before()));
            lines.add("why: " + option.why());
        });
        verdict.otherRuns().forEach(run -> lines.add("runs: " + run.run() + (run.later() ? " later " : " earlier ")
                + run.state() + (run.reason() == null ? "" : " " + run.reason())));
        Retry retry = verdict.retry();
        lines.add("retry: " + retry.how()
                + retry.options().stream().map(option -> " " + option.name() + "=" + (long) option.amount() + " "
                        + option.unit()).collect(Collectors.joining())
                + (retry.excludeNodes().isEmpty() ? "" : " not on " + String.join(",", retry.excludeNodes()))
                + ": " + retry.why());
        verdict.next().notes().forEach(note -> lines.add("note: " + note));
        return lines;
    }

    /** Whether a case must tell all lines of this kind, and not only those that it wants to. */
    static boolean isWhole(String line) {
        return line.startsWith("cause: ") || line.startsWith("headline: ") || line.startsWith("finding: ")
                || line.startsWith("ask: ");
    }
}
