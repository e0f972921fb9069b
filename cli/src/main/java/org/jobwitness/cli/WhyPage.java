package org.jobwitness.cli;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NextRequest;
import org.jobwitness.wire.Verdict.NotJudged;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jobwitness.wire.Verdict.Outcome;
import org.jobwitness.wire.Verdict.Resource;
import org.jspecify.annotations.Nullable;

/** A verdict as a page: how the run ended, its use with findings, what to ask for next, and the evidence. */
final class WhyPage {
    private static final int INDENT = 2;
    private static final String UNDER = " ".repeat(INDENT);
    private static final int STRENGTH = "context".length() + 2;
    /** A sample may be so far from the start or the end. */
    private static final Duration NEAR = Duration.ofMinutes(1);

    private final Verdict verdict;
    private final Page page;
    private final ZoneId zone;
    private final Instant reference;

    private WhyPage(Verdict verdict, Screen screen, ZoneId zone) {
        this.verdict = verdict;
        this.page = new Page(screen);
        this.zone = zone;
        this.reference = verdict.endTime() == null ? verdict.timestamp() : verdict.endTime();
    }

    /**
     * The page.
     *
     * @param job the same job, if it was asked for by an id that may be that of an array or a heterogeneous job
     * @param array the array, if that is what the id names
     */
    static Page of(Verdict verdict, @Nullable Job job, @Nullable ArrayVerdict array, Screen screen, ZoneId zone) {
        WhyPage why = new WhyPage(verdict, screen, zone);
        if (job != null) {
            WholePage.add(why.page, job);
        }
        if (array != null) {
            ArrayPage.add(why.page, array);
        }
        why.summary();
        why.use();
        why.next(verdict.next());
        why.evidence();
        return why.page;
    }

    /** What happened, what was used, what to do; then whose run it is, and what its end means. */
    private void summary() {
        Outcome outcome = verdict.outcome();
        page.paragraph(0, Text.of(outcome.headline(), Style.STRONG));
        page.paragraph(0, Text.of(verdict.use().sentence()));
        advice("", verdict.advice());
        if (verdict.siteNote() != null) {
            verdict.siteNote().lines().forEach(line -> page.paragraph(INDENT, Text.of(line)));
        }
        page.blank().paragraph(0, about(outcome));
        if (outcome.meaning() != null) {
            page.paragraph(0, Text.of(outcome.meaning()));
        }
        otherRuns();
    }

    private Text about(Outcome outcome) {
        Text about = Text.of(outcome.state().toString(), JobListing.style(outcome.state()));
        if (!outcome.confirmed() && outcome.state().isFinal()) {
            about = about.plus(", not confirmed", Style.WARNING);
        }
        if (verdict.user() != null) {
            about = about.plus(", of " + verdict.user());
        }
        Instant start = verdict.startTime();
        if (start == null) {
            return about;
        }
        return about.plus(verdict.endTime() == null
                ? ", since " + Units.time(start, zone)
                : ", " + Units.time(start, zone) + " to " + Units.timeBeside(verdict.endTime(), start, zone));
    }

    private void otherRuns() {
        for (OtherRun run : verdict.otherRuns()) {
            String reason = run.reason() == null ? "" : " (" + run.reason().toString().replace('_', ' ') + ")";
            String start = run.startTime() == null ? "" : ", " + Units.time(run.startTime(), zone);
            page.paragraph(0, Text.of((run.later() ? "A later run" : "An earlier run") + " of it: ")
                    .plus(run.state().toString(), JobListing.style(run.state()))
                    .plus(reason + start + ", jobwitness why " + verdict.id() + " --run=" + run.run()));
        }
    }

    private void evidence() {
        Outcome outcome = verdict.outcome();
        if (!outcome.evidence().isEmpty()) {
            heading("Evidence");
            outcome.evidence().forEach(this::fact);
            page.paragraph(INDENT, Text.of("Proof decides alone. A sign supports, but something else could look the"
                    + " same. Context is background.", Style.FAINT));
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
            local = local.replace(time.toString(), shortTime(time));
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

    /** Without its date, if that is the date of the run's end. */
    private String shortTime(Instant time) {
        return Units.timeBeside(time, reference, zone);
    }

    private void fact(Fact fact) {
        boolean saysTime = fact.times() != null || fact.timestamp() == null;
        String strength = fact.strength().toString();
        page.paragraph(UNDER + strength + " ".repeat(STRENGTH - strength.length()), UNDER + " ".repeat(STRENGTH),
                Text.of(local(fact.says(), fact.times()))
                        .plus(" (" + fact.source().words()
                                + (saysTime ? "" : ", " + shortTime(requireNonNull(fact.timestamp()))) + ")",
                                Style.FAINT));
    }

    private void use() {
        heading("Use");
        UseTable.add(page, verdict.use());
        boolean isUnhappy = verdict.outcome().state() == JobState.FAILED
                || verdict.outcome().state() == JobState.CANCELLED;
        List<NotJudged> notJudged = verdict.notJudged().stream().filter(one -> !isAbsent(one.rule())).toList();
        if (verdict.startTime() == null || (isUnhappy && verdict.findings().isEmpty() && notJudged.isEmpty())) {
            return;
        }
        page.blank();
        if (verdict.findings().isEmpty() && !isUnhappy) {
            page.paragraph(INDENT, verdict.notJudged().isEmpty()
                    ? Text.of("No problems found.", Style.GOOD)
                    : Text.of("No problems found in what could be checked."));
        }
        verdict.findings().forEach(this::finding);
        notJudged.forEach(one -> item(Text.of("not checked: " + subject(one.rule()) + ": " + one.why(),
                Style.FAINT)));
    }

    /** What a rule looks for. */
    private static String subject(FindingRule rule) {
        return switch (rule) {
            case CPU_IDLE -> "idle CPUs";
            case GPU_IDLE -> "idle GPUs";
            case MEMORY_OVERASKED -> "unused memory";
            case IO_STALLED -> "waits for I/O";
            default -> rule.toString().replace('_', ' ');
        };
    }

    /** Whether the table says why. */
    private boolean isAbsent(FindingRule rule) {
        Resource resource = switch (rule) {
            case CPU_IDLE -> Resource.CPU;
            case MEMORY_OVERASKED -> Resource.MEMORY;
            case GPU_IDLE -> Resource.GPU;
            default -> null;
        };
        return verdict.use().resources().stream()
                .anyMatch(use -> use.resource() == resource && use.absent() != null);
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

    /** Empty if it is the whole run. */
    private String span(@Nullable Instant from, @Nullable Instant to) {
        boolean fromStart = from == null || isNear(from, verdict.startTime());
        boolean toEnd = to == null || isNear(to, verdict.endTime() == null ? verdict.timestamp() : verdict.endTime());
        if (toEnd) {
            return fromStart ? "" : "since " + shortTime(requireNonNull(from));
        }
        return (fromStart ? "" : shortTime(requireNonNull(from)) + " ") + "until " + shortTime(requireNonNull(to));
    }

    private static boolean isNear(Instant time, @Nullable Instant other) {
        return other != null && Duration.between(time, other).abs().compareTo(NEAR) < 0;
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
