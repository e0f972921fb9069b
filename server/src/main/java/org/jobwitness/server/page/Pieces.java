package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** What several pages show in the same way. */
final class Pieces {
    private static final DateTimeFormatter UTC = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);
    private static final int BAR_WIDTH = 100;
    private static final double MEBIBYTE = 1 << 20;

    private Pieces() {
    }

    /** In UTC; the script shows it in the reader's zone, and UTC where it is pointed at. */
    static Html time(Instant time) {
        return element("time", attribute("datetime", time.truncatedTo(ChronoUnit.SECONDS).toString()),
                text(UTC.format(time)));
    }

    static Html timeOrUnknown(@Nullable Instant time) {
        return time == null ? unknown() : time(time);
    }

    static Html unknown() {
        return element("span", css("faint"), text("not known"));
    }

    /** A sentence, in which times stand as in the API. */
    static Html sentence(String sentence, @Nullable List<Instant> times) {
        List<Html> pieces = new ArrayList<>();
        String rest = sentence;
        for (Instant time : times == null ? List.<Instant>of() : times) {
            int at = rest.indexOf(time.toString());
            if (at >= 0) {
                pieces.add(text(rest.substring(0, at)));
                pieces.add(time(time));
                rest = rest.substring(at + time.toString().length());
            }
        }
        pieces.add(text(rest));
        return group(pieces.stream());
    }

    /** A state as a coloured label: {@code failed: out of memory}, and whether that is not confirmed. */
    static Html state(Job job) {
        return group(state(job.state(), job.reason()), Boolean.FALSE.equals(job.confirmed()) && job.state().isFinal()
                ? element("span", css("unconfirmed"), attribute("title", "not confirmed by Slurm or an exit status"),
                        text(" not confirmed"))
                : Html.NOTHING);
    }

    static Html state(JobState state, @Nullable Reason reason) {
        return element("span", css("state " + state), text(words(state, reason)));
    }

    /** {@code failed: out of memory}, {@code cancelled by user}. */
    private static String words(JobState state, @Nullable Reason reason) {
        if (reason == null || reason == Reason.UNKNOWN) {
            return state.toString();
        }
        return reason.toString().startsWith(state.toString()) ? words(reason) : state + ": " + words(reason);
    }

    /** {@code out of memory}. */
    static String words(Enum<?> constant) {
        return constant.toString().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    /**
     * As squeue and sacct write it: {@code 500_7} for a task of an array, {@code 500_[8-20]} for those that wait together,
     * {@code 510+1} for a component of a heterogeneous job.
     */
    static String slurmId(Job job) {
        Scheduler scheduler = job.scheduler();
        if (scheduler.arrayJobId() != null && scheduler.arrayTasks() != null && job.startTime() == null) {
            return scheduler.arrayJobId() + "_[" + scheduler.arrayTasks() + "]";
        }
        if (scheduler.arrayJobId() != null && scheduler.arrayTaskId() != null) {
            return scheduler.arrayJobId() + "_" + scheduler.arrayTaskId();
        }
        return scheduler.hetJobId() != null && scheduler.hetJobOffset() != null
                ? scheduler.hetJobId() + "+" + scheduler.hetJobOffset()
                : job.id();
    }

    /** A bar that is filled by a share, 0..1. What it means stands beside it as a number. */
    static Html bar(double share, String classes) {
        double width = Math.clamp(share, 0, 1) * BAR_WIDTH;
        return element("svg", css("bar " + classes), attribute("viewBox", "0 0 " + BAR_WIDTH + " 8"),
                attribute("preserveAspectRatio", "none"), attribute("aria-hidden", "true"),
                element("rect", css("whole"), attribute("width", Integer.toString(BAR_WIDTH)),
                        attribute("height", "8")),
                element("rect", css("part"), attribute("width", Phrases.number(width)), attribute("height", "8")));
    }

    /** A percentage with its bar; "not known" without one. */
    static Html percent(@Nullable Double percent, String classes) {
        return percent == null
                ? unknown()
                : group(element("span", css("figure"), text(Phrases.percent(percent))), bar(percent / 100, classes));
    }

    /** @param mebibytes null if not known */
    static Html memory(@Nullable Double mebibytes) {
        return orUnknown(mebibytes, Pieces::mebibytes);
    }

    static String mebibytes(double value) {
        return Phrases.bytes(value * MEBIBYTE);
    }

    static <T> Html orUnknown(@Nullable T value, Function<T, String> words) {
        return value == null ? unknown() : text(words.apply(value));
    }

    /**
     * A table that scrolls by itself where it is too wide.
     *
     * @param caption for those who cannot see it
     */
    static Html table(String caption, List<String> headings, Stream<Html> rows) {
        return element("div", css("scrolls"), attribute("tabindex", "0"), attribute("role", "region"),
                attribute("aria-label", caption),
                element("table", element("caption", css("hidden"), text(caption)),
                        element("thead", element("tr", group(headings.stream()
                                .map(heading -> element("th", attribute("scope", "col"), text(heading)))))),
                        element("tbody", group(rows))));
    }

    static Html row(Html... cells) {
        return element("tr", group(Stream.of(cells).map(cell -> element("td", cell))));
    }

    /** @param id of its heading, for links */
    static Html section(String id, String heading, Html... content) {
        return element("section", css("card"), attribute("id", id), attribute("aria-labelledby", id + "-heading"),
                element("h2", attribute("id", id + "-heading"), text(heading)), group(content));
    }

    /** Lines of a batch script, with a button that copies them. */
    static Html copyable(String id, String label, List<String> lines) {
        return element("div", css("lines"),
                element("pre", attribute("id", id), attribute("tabindex", "0"), attribute("aria-label", label),
                        element("code", String.join("\n", lines))),
                element("button", attribute("type", "button"), attribute("hidden", ""), attribute("data-copy", id),
                        text("Copy")));
    }

    /** One line of a list of facts. */
    static Html fact(String name, Html value) {
        return element("div", element("dt", name), element("dd", value));
    }
}
