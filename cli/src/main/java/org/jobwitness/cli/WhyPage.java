package org.jobwitness.cli;

import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NextRequest;
import org.jobwitness.wire.Verdict.Outcome;
import org.jobwitness.wire.Verdict.Source;
import org.jspecify.annotations.Nullable;

/** A verdict as a page: how the run ended, the evidence, the findings, and what to ask for next. */
final class WhyPage {
    private static final int INDENT = 2;
    private static final String UNDER = " ".repeat(INDENT);

    private final Verdict verdict;
    private final Page page;
    private final ZoneId zone;

    private WhyPage(Verdict verdict, Screen screen, ZoneId zone) {
        this.verdict = verdict;
        this.page = new Page(screen);
        this.zone = zone;
    }

    /** @param job the same job, if it was asked for by an id that may be that of an array or a heterogeneous job */
    static Page of(Verdict verdict, @Nullable Job job, Screen screen, ZoneId zone) {
        WhyPage why = new WhyPage(verdict, screen, zone);
        if (job != null) {
            WholePage.add(why.page, job);
        }
        why.outcome(verdict.outcome());
        why.findings();
        why.next(verdict.next());
        return why.page;
    }

    private void outcome(Outcome outcome) {
        Text title = Text.of("Job " + verdict.id(), Style.STRONG);
        if (verdict.user() != null) {
            title = title.plus(" of " + verdict.user());
        }
        title = title.plus(": ").plus(outcome.state().toString(), JobListing.style(outcome.state()));
        page.line(outcome.confirmed() || !outcome.state().isFinal() ? title : title.plus(", not confirmed"));
        page.blank().paragraph(INDENT, Text.of(outcome.headline(), Style.STRONG));
        if (outcome.meaning() != null) {
            page.paragraph(INDENT, Text.of(outcome.meaning()));
        }
        if (outcome.advice() != null) {
            advice(UNDER, outcome.advice());
        }
        if (!outcome.evidence().isEmpty()) {
            heading("Evidence");
            outcome.evidence().forEach(this::fact);
        }
        if (!outcome.missing().isEmpty()) {
            heading("Not known");
            outcome.missing().forEach(missing -> item(Text.of(missing)));
        }
    }

    /** A sentence of the service, with its times in the zone of all others. */
    private String local(String sentence, @Nullable List<Instant> times) {
        String local = sentence;
        for (Instant time : times == null ? List.<Instant>of() : times) {
            local = local.replace(time.toString(), Units.time(time, zone));
        }
        return local;
    }

    private void heading(String words) {
        page.blank().line(Text.of(words, Style.STRONG));
    }

    private void item(Text text) {
        page.paragraph(UNDER + "- ", UNDER + "  ", text);
    }

    private void advice(String indent, String words) {
        String arrow = page.screen().unicode() ? "→ " : "> ";
        page.paragraph(indent + arrow, indent + "  ", Text.of(words));
    }

    private void fact(Fact fact) {
        List<String> about = new ArrayList<>(List.of(source(fact.source()), fact.strength().toString()));
        if (fact.node() != null) {
            about.add(fact.node());
        }
        if (fact.step() != null) {
            about.add("step " + fact.step());
        }
        if (fact.timestamp() != null) {
            about.add(Units.time(fact.timestamp(), zone));
        }
        item(Text.of(local(fact.says(), fact.times())).plus(" (" + String.join(", ", about) + ")", Style.FAINT));
    }

    private static String source(Source source) {
        return switch (source) {
            case SCHEDULER -> "Slurm";
            case PROLOG -> "prolog";
            case EPILOG -> "epilog";
            case KERNEL -> "kernel";
            case AGENT -> "agent";
            case RECORDS -> "earlier runs";
            case PERSON -> "entered by hand";
        };
    }

    private void findings() {
        if (verdict.findings().isEmpty()) {
            heading("Usage");
            page.paragraph(INDENT, Text.of(verdict.notJudged().isEmpty()
                    ? "No problems found."
                    : "No problems found in what could be checked."));
        } else {
            heading("Findings");
            verdict.findings().forEach(this::finding);
        }
        if (!verdict.notJudged().isEmpty()) {
            heading("Not checked");
            verdict.notJudged().forEach(
                    one -> item(Text.of(one.rule().toString().replace('_', ' '), Style.FAINT).plus(": " + one.why(),
                            Style.FAINT)));
        }
    }

    private void finding(Finding finding) {
        String when = span(finding.from(), finding.to());
        item(Text.of(finding.severity().toString(), style(finding.severity()))
                .plus(": " + local(finding.sentence(), finding.times()))
                .plus(when.isEmpty() ? "" : " (" + when + ")", Style.FAINT));
        advice(UNDER + "  ", finding.advice());
    }

    private static Style style(Severity severity) {
        return switch (severity) {
            case INFO -> Style.STRONG;
            case WARNING -> Style.WARNING;
            case CRITICAL -> Style.BAD;
        };
    }

    private String span(@Nullable Instant from, @Nullable Instant to) {
        if (from == null || to == null) {
            return from == null ? "" : "since " + Units.time(from, zone);
        }
        return Units.time(from, zone) + " to " + Units.timeBeside(to, from, zone);
    }

    private void next(NextRequest next) {
        heading("Next time");
        page.paragraph(INDENT, Text.of(next.sentence()));
        if (!next.lines().isEmpty()) {
            page.blank();
            next.lines().forEach(line -> page.toCopy(INDENT + 2, line));
            page.blank();
        }
        next.options().forEach(option -> item(Text.of(option.name() + "=" + option.value(), Style.STRONG)
                .plus(option.before() == null ? "" : ", was " + option.before())
                .plus(": " + option.why())));
        next.notes().forEach(note -> item(Text.of(note, Style.FAINT)));
    }
}
