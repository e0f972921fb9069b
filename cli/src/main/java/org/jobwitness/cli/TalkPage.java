package org.jobwitness.cli;

import java.util.List;
import java.util.Objects;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportTalk;

/** What is worth a talk, as a page: where a change would free the most; or the nodes and GPUs to blame. */
final class TalkPage {
    private static final int INDENT = 2;

    private TalkPage() {
    }

    static Page of(ReportTalk talk, Screen screen) {
        Page page = new Page(screen);
        page.line("By runs that ended from " + talk.from() + " to " + talk.to().minusDays(1) + " (UTC)");
        for (ReportTalk.Resource resource : ReportTalk.Resource.values()) {
            List<ReportTalk.Topic> topics = talk.topics().stream().filter(topic -> topic.resource() == resource)
                    .toList();
            if (!topics.isEmpty()) {
                page.blank().line(Text.of("A change would free the most " + resource.hours() + ":", Style.STRONG));
                topics.forEach(topic -> add(page, topic));
            }
        }
        return talk.topics().isEmpty() ? page.blank().line("Nothing is unused that a verdict has advice for.") : page;
    }

    private static void add(Page page, ReportTalk.Topic topic) {
        ReportTalk.Example example = topic.example();
        page.blank().paragraph(INDENT, Text.of(topic.user(), Style.STRONG)
                .plus(", " + Units.count(topic.runs(), "run") + " of "
                        + Objects.requireNonNullElse(topic.name(), "jobs without a name") + ": "
                        + hours(topic.wasted()) + " of " + hours(topic.allocated()) + " "
                        + topic.resource().hours() + " unused"));
        page.paragraph(2 * INDENT, Text.of("Job " + example.id() + ": " + example.sentence() + " " + example.advice()));
        example.lines().forEach(line -> page.toCopy(2 * INDENT, line));
    }

    static Page of(ReportFaults faults, Screen screen) {
        Page page = new Page(screen);
        page.line("By runs that ended from " + faults.from() + " to " + faults.to().minusDays(1) + " (UTC), on "
                + Units.count(faults.nodes(), "node") + " with " + Units.count(faults.gpus(), "GPU"));
        if (faults.faults().isEmpty()) {
            return page.blank().line("No node or GPU is to blame: no more fails than chance explains.");
        }
        page.blank();
        faults.faults().forEach(fault -> page.paragraph(INDENT, Text.of(fault.sentence())));
        page.blank().line("To keep jobs from them:");
        faults.excludes().forEach(exclude -> page.toCopy(INDENT, exclude.line()));
        return page;
    }

    private static String hours(double value) {
        return Units.number(value, value == 0 || value >= 99.95 ? 0 : 1);
    }
}
