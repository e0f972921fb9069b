package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.foreign;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportTalk;
import org.jspecify.annotations.Nullable;

/** The page of what is worth a talk: where a change would free the most, and the nodes and GPUs to blame. */
final class TalkView {
    private static final List<ReportTalk.Resource> RESOURCES = List.of(ReportTalk.Resource.values());

    private TalkView() {
    }

    /** @param faults null for who may not see them */
    static String of(Links links, ReportTalk talk, @Nullable ReportFaults faults) {
        return Layout.page(links, "Worth a talk", "", "", element("h1", "Worth a talk"),
                element("p", css("faint"), text("By runs that ended from " + talk.from() + " to "
                        + talk.to().minusDays(1) + " (UTC). "), Links.link(links.page("reports"), "All hours")),
                group(RESOURCES.stream().map(resource -> topics(links, resource, talk))),
                Html.when(faults != null, () -> faults(links, Objects.requireNonNull(faults))));
    }

    private static Html topics(Links links, ReportTalk.Resource resource, ReportTalk talk) {
        List<ReportTalk.Topic> topics = talk.topics().stream().filter(topic -> topic.resource() == resource).toList();
        return Pieces.section("talk-" + resource, "Where a change would free the most " + resource.hours(),
                topics.isEmpty()
                        ? element("p", css("faint"), text("Nowhere that a verdict has advice for."))
                        : Pieces.table("Unused " + resource.hours(),
                                List.of("User", "Job", "Runs", resource.hours() + " unused", "of", "Advice"),
                                topics.stream().map(topic -> row(links, topic))));
    }

    private static Html row(Links links, ReportTalk.Topic topic) {
        ReportTalk.Example example = topic.example();
        return element("tr", element("th", attribute("scope", "row"), links.user(topic.user())),
                element("td", topic.name() == null ? Pieces.unknown() : foreign(topic.name())),
                amount(Long.toString(topic.runs())), amount(number(topic.wasted())),
                amount(number(topic.allocated())),
                element("td", element("p", Links.link(links.run(example.id(), example.run()), "Job " + example.id()),
                        text(": " + example.sentence() + " " + example.advice())),
                        Html.when(!example.lines().isEmpty(), () -> element("pre", attribute("tabindex", "0"),
                                attribute("aria-label", "Options for the next run"),
                                element("code", String.join("\n", example.lines()))))));
    }

    private static Html faults(Links links, ReportFaults faults) {
        Html content = faults.faults().isEmpty()
                ? element("p", css("faint"), text("None."))
                : group(Pieces.table("Nodes and GPUs to blame", List.of("Node", "Why", "By chance"),
                        faults.faults().stream().map(fault -> element("tr",
                                element("th", attribute("scope", "row"), links.node(fault.node())),
                                element("td", fault.sentence()),
                                amount(fault.chance() == null ? "" : chance(fault.chance()))))),
                        element("p", "To keep jobs from them:"),
                        group(faults.excludes().stream().map(exclude -> element("pre", attribute("tabindex", "0"),
                                attribute("aria-label", "Nodes of " + exclude.cluster()),
                                element("code", exclude.line())))));
        return Pieces.section("faults", "Nodes and GPUs to blame", element("p", css("faint"),
                text("Of " + Phrases.count(faults.nodes(), "node") + " and " + Phrases.count(faults.gpus(), "GPU")
                        + ": those with more failures than chance explains, and with errors of a GPU.")),
                content);
    }

    private static String chance(double chance) {
        return chance < 1e-6 ? "less than 1 in 1,000,000" : String.format(Locale.ROOT, "1 in %,.0f", 1 / chance);
    }

    private static Html amount(String text) {
        return element("td", css("amount"), text(text));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value >= 99.95 ? "%,.0f" : "%,.1f", value).replace(',', '\u202f');
    }
}
