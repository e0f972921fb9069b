package org.jobwitness.server.verdict;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.Stream;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NotJudged;
import org.jspecify.annotations.Nullable;

/**
 * What rules found.
 *
 * @param notJudged rules that were not applied, and why
 */
record Judgement(List<Finding> findings, List<NotJudged> notJudged) {
    static final Judgement NONE = new Judgement(List.of(), List.of());

    Judgement {
        findings = List.copyOf(findings);
        notJudged = List.copyOf(notJudged);
    }

    static Judgement skipped(FindingRule rule, String why) {
        return new Judgement(List.of(), List.of(new NotJudged(rule, why)));
    }

    static Judgement of(Judgement... parts) {
        return new Judgement(Stream.of(parts).flatMap(part -> part.findings.stream()).toList(),
                Stream.of(parts).flatMap(part -> part.notJudged.stream()).toList());
    }

    /** The gravest first. */
    Judgement sorted() {
        return new Judgement(
                findings.stream().sorted(Comparator.comparing(Finding::severity).reversed()).toList(), notJudged);
    }

    boolean hasFound(FindingRule rule) {
        return findings.stream().anyMatch(finding -> finding.rule() == rule);
    }

    static Builder found(FindingRule rule, Severity severity, String sentence) {
        return new Builder(rule, severity, sentence);
    }

    /** Of one finding. */
    static final class Builder {
        private final FindingRule rule;
        private final Severity severity;
        private final String sentence;
        private String advice = "";
        private @Nullable Instant from;
        private @Nullable Instant to;

        private Builder(FindingRule rule, Severity severity, String sentence) {
            this.rule = rule;
            this.severity = severity;
            this.sentence = sentence;
        }

        Builder advice(String sentences) {
            advice = sentences;
            return this;
        }

        Builder between(@Nullable Instant begin, @Nullable Instant end) {
            from = begin;
            to = end;
            return this;
        }

        Judgement by(Fact... facts) {
            return by(List.of(facts));
        }

        Judgement by(List<Fact> facts) {
            List<Instant> times = Stream.of(from, to).filter(Objects::nonNull).map(Phrases::moment)
                    .filter(time -> sentence.contains(time.toString())).toList();
            return new Judgement(List.of(new Finding(rule, severity, sentence, advice, from, to, facts, times)),
                    List.of());
        }
    }
}
