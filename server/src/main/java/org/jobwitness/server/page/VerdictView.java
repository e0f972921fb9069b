package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NextRequest;
import org.jobwitness.wire.Verdict.NotJudged;
import org.jobwitness.wire.Verdict.Outcome;
import org.jobwitness.wire.Verdict.ResourceUse;
import org.jobwitness.wire.Verdict.Strength;
import org.jspecify.annotations.Nullable;

/** The verdict of a run: what happened and why, how it used its resources, what to request next. */
final class VerdictView {
    private static final double COMPLETE = 0.995;

    private final Job job;
    private final Verdict verdict;

    VerdictView(Job job, Verdict verdict) {
        this.job = job;
        this.verdict = verdict;
    }

    /** What is asked first: one sentence, what it means, what to do, and what it rests on. */
    Html outcome(Links links) {
        Outcome outcome = verdict.outcome();
        return element("section", css("card verdict " + outcome.state()), attribute("id", "verdict"),
                attribute("aria-labelledby", "headline"),
                element("p", css("who"), Pieces.state(job), text(" "), confirmed(outcome), who(links)),
                element("h1", attribute("id", "headline"), text(outcome.headline())),
                Html.known(outcome.meaning(), meaning -> element("p", meaning)),
                element("p", verdict.use().sentence()),
                element("p", css("advice"), text(verdict.advice())),
                Html.known(verdict.siteNote(), note -> group(note.lines()
                        .map(line -> element("p", css("note"), siteNote(line))))),
                evidence(outcome));
    }

    private static Html confirmed(Outcome outcome) {
        return outcome.state().isFinal() && outcome.confirmed()
                ? element("span", css("confirmed"), text("confirmed"))
                : Html.NOTHING;
    }

    private Html who(Links links) {
        String name = job.scheduler().name();
        String account = job.scheduler().account();
        return group(
                Html.known(name, known -> group(text(" "), element("b", Html.foreign(known)))),
                Html.known(job.user(), user -> group(text(" of "), links.user(user))),
                Html.known(account, known -> group(text(" for "), links.account(known))),
                Html.known(job.scheduler().arrayJobId(), array -> group(text(" · part of "),
                        Links.link(links.array(array, job.cluster()), "job array " + array))));
    }

    /** Plain text, in which an address is a link. */
    private static Html siteNote(String note) {
        return group(Stream.of(note.split("(?<= )")).map(word -> word.strip().startsWith("https://")
                ? group(Links.link(word.strip(), word.strip()), text(" "))
                : text(word)));
    }

    private static Html evidence(Outcome outcome) {
        if (outcome.evidence().isEmpty() && outcome.missing().isEmpty()) {
            return Html.NOTHING;
        }
        List<Fact> proofs = outcome.evidence().stream().filter(fact -> fact.strength() == Strength.PROOF).limit(2)
                .toList();
        List<Fact> others = outcome.evidence().stream().filter(fact -> !proofs.contains(fact)).toList();
        String summary = proofs.isEmpty() ? "Evidence" : "More evidence";
        return element("div", css("evidence"),
                Html.when(!proofs.isEmpty(), () -> element("ul", group(proofs.stream().map(VerdictView::fact)))),
                Html.when(!others.isEmpty(), () -> element("details", element("summary", summary),
                        element("ul", group(others.stream().map(VerdictView::fact))))),
                Html.when(!outcome.missing().isEmpty(), () -> element("p", css("faint"),
                        text("Not known: " + String.join("; ", outcome.missing())))));
    }

    private static Html fact(Fact fact) {
        return element("li", element("span", css("strength " + fact.strength()), text(fact.strength().toString())),
                text(" "), Pieces.sentence(fact.says(), fact.times()),
                element("span", css("faint"), text(" " + fact.source().words()),
                        fact.timestamp() == null || fact.times() != null
                                ? Html.NOTHING
                                : group(text(", "), Pieces.time(fact.timestamp()))));
    }

    /** What it asked for, may use and used. */
    Html use() {
        List<ResourceUse> resources = verdict.use().resources().stream().filter(one -> !isNone(one)).toList();
        Double coverage = verdict.use().coverage();
        boolean hasStarted = verdict.startTime() != null;
        return Pieces.section("use", "Use",
                Pieces.table("Resources asked for and used", List.of("", "Asked", "May use", "Used", "Share"),
                        resources.stream().map(use -> row(use, hasStarted))),
                element("p", css(coverage == null || coverage < COMPLETE ? "coverage" : "coverage faint"),
                        text(measured(coverage))),
                findings());
    }

    private String measured(@Nullable Double coverage) {
        if (verdict.startTime() == null) {
            return "It has not started.";
        }
        return coverage == null
                ? "Nothing was measured: the figures are of Slurm and the scripts."
                : Phrases.percent(100 * coverage) + " of its time was measured.";
    }

    private static Html row(ResourceUse use, boolean hasStarted) {
        return element("tr", element("th", attribute("scope", "row"), text(name(use))),
                element("td", amount(use, use.asked())), element("td", amount(use, use.allowed())),
                element("td", hasStarted ? used(use) : text("–")), element("td", shareOf(use)));
    }

    private static Html used(ResourceUse use) {
        String note = use.absent() == null ? use.note() : use.absent();
        return group(use.used() == null ? Pieces.unknown() : element("b", amount(use, use.used())),
                Html.known(note, known -> element("small", known)));
    }

    private static Html shareOf(ResourceUse use) {
        Double share = share(use);
        return share == null
                ? text("–")
                : group(element("span", css("figure"), text(Phrases.percent(100 * share))),
                        Pieces.bar(share, "resource"));
    }

    /** No GPU. */
    private static boolean isNone(ResourceUse use) {
        return isZero(use.used()) && isZero(use.allowed() == null ? use.asked() : use.allowed());
    }

    private static boolean isZero(@Nullable Double value) {
        return value != null && value == 0;
    }

    /** Null if there is nothing to divide by. */
    private static @Nullable Double share(ResourceUse use) {
        return use.used() == null || use.allowed() == null || use.allowed() <= 0
                ? null
                : Double.valueOf(use.used() / use.allowed());
    }

    private static String name(ResourceUse use) {
        return switch (use.resource()) {
            case TIME -> "Time";
            case MEMORY -> "Memory";
            case CPU -> "CPUs";
            case GPU -> "GPUs";
        };
    }

    private static String amount(ResourceUse use, @Nullable Double value) {
        if (value == null) {
            return "–";
        }
        return switch (use.resource()) {
            case TIME -> Phrases.time(value);
            case MEMORY -> Phrases.bytes(value);
            case CPU, GPU -> Phrases.number(value);
        };
    }

    private Html findings() {
        if (verdict.startTime() == null) {
            return Html.NOTHING;
        }
        boolean isUnhappy = job.state() == JobState.FAILED || job.state() == JobState.CANCELLED;
        Html none = isUnhappy || !verdict.findings().isEmpty()
                ? Html.NOTHING
                : element("p", css("good"), text(verdict.notJudged().isEmpty()
                        ? "No problems found."
                        : "No problems found in what could be checked."));
        return group(none, element("ul", css("findings"),
                group(verdict.findings().stream().map(VerdictView::finding))), notChecked(verdict.notJudged()));
    }

    private static Html finding(Finding finding) {
        return element("li", css("finding " + finding.severity()),
                element("span", css("severity"), text(finding.severity().toString())), text(" "),
                Pieces.sentence(finding.sentence(), finding.times()),
                element("p", css("advice"), text(finding.advice())));
    }

    /** Rules that have the same cause together. */
    private static Html notChecked(List<NotJudged> rules) {
        if (rules.isEmpty()) {
            return Html.NOTHING;
        }
        return element("details", css("faint"),
                element("summary", Phrases.count(rules.size(), "rule") + " not checked"),
                element("ul", group(rules.stream().collect(Collectors.groupingBy(NotJudged::why)).entrySet().stream()
                        .map(one -> element("li", one.getValue().stream().map(rule -> Pieces.words(rule.rule()))
                                .collect(Collectors.joining(", ")) + ": " + one.getKey())))));
    }

    /** What to request next time. */
    Html next() {
        return next("Next time", verdict.next());
    }

    static Html next(String heading, NextRequest next) {
        Html lines = next.lines().isEmpty()
                ? Html.NOTHING
                : Pieces.copyable("lines", "Lines for the batch script", next.lines());
        return Pieces.section("next", heading, element("p", next.sentence()), lines,
                element("ul", css("options"), group(next.options().stream().map(option -> element("li",
                        element("code", option.name() + "=" + option.value()),
                        text((option.before() == null ? "" : ", was " + option.before()) + ": " + option.why())))),
                        group(next.notes().stream().map(note -> element("li", css("faint"), text(note))))));
    }
}
