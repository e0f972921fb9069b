package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.server.verdict.Verdicts.Judged;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jspecify.annotations.Nullable;

/**
 * What happened to a job, on one axis of time and as a list: waiting, runs, suspensions, its limits and their changes, OOM kills,
 * events of nodes.
 */
final class TimelineView {
    /** Of one kind; a program that is restarted after each OOM kill could cause many. */
    private static final int MAX_MOMENTS = 8;

    private static final String TIME_LIMIT = "scheduler.time_limit_minutes";
    private static final double SECONDS_OF_MINUTE = 60;

    private final JobView.Data data;
    private final Job job;
    private final Judged judged;
    private final Instant now;

    private TimelineView(JobView.Data data) {
        this.data = data;
        this.job = data.job();
        this.judged = data.judged();
        this.now = data.now();
    }

    private record Moment(Instant at, String classes, String words) {
    }

    static Html of(JobView.Data data) {
        return new TimelineView(data).section();
    }

    private Html section() {
        List<Moment> moments = moments();
        if (moments.isEmpty()) {
            return Html.NOTHING;
        }
        Instant first = moments.getFirst().at();
        Instant last = Stream.of(moments.getLast().at(), end(job.endTime())).max(Comparator.naturalOrder())
                .orElse(now);
        Html strip = Duration.between(first, last).isZero()
                ? Html.NOTHING
                : group(strip(first, last),
                        element("div", css("times"), Pieces.time(first), Pieces.time(last)));
        return Pieces.section("time", "What happened when", strip, element("ol", css("moments"),
                group(moments.stream().map(moment -> element("li", css(moment.classes()), Pieces.time(moment.at()),
                        text(" "), Html.foreign(moment.words()))))));
    }

    private Instant end(@Nullable Instant end) {
        return end == null ? now : end;
    }

    private Html strip(Instant first, Instant last) {
        Curve axis = new Curve(first, last, 1);
        List<Html> shapes = new ArrayList<>();
        Instant submitted = job.scheduler().submitTime();
        Instant start = job.startTime();
        if (submitted != null) {
            shapes.add(axis.span("waited", submitted, start == null ? end(job.endTime()) : start));
        }
        for (OtherRun run : judged.verdict().otherRuns()) {
            if (run.startTime() != null) {
                shapes.add(axis.span("ran other " + run.state(), run.startTime(), end(run.endTime())));
            }
        }
        if (start != null) {
            shapes.add(axis.span("ran " + job.state(), start, end(job.endTime())));
        }
        data.changes().suspensions()
                .forEach(one -> shapes
                        .add(axis.span("suspended", one.from(), one.isOver() ? one.to() : end(job.endTime()))));
        moments().stream().filter(moment -> !moment.classes().isEmpty())
                .forEach(moment -> shapes.add(axis.mark(moment.classes(), moment.at())));
        return Curve.svg("strip", shapes.stream());
    }

    private List<Moment> moments() {
        List<Moment> moments = new ArrayList<>();
        add(moments, job.scheduler().submitTime(), "", "submitted");
        for (OtherRun run : judged.verdict().otherRuns()) {
            String which = run.later() ? "a later run" : "an earlier run";
            add(moments, run.startTime(), "", which + " started");
            add(moments, run.endTime(), "", which + " ended: " + run.state()
                    + (run.reason() == null ? "" : ", " + Pieces.words(run.reason())));
        }
        add(moments, job.startTime(), "", "started" + on(job.nodes()));
        List<JobOomKill> kills = Objects.requireNonNullElse(job.oomKillEvents(), List.of());
        kills.stream().limit(MAX_MOMENTS).forEach(kill -> add(moments, kill.timestamp(), "oom", words(kill)));
        judged.nodeEvents().stream().limit(MAX_MOMENTS)
                .forEach(event -> add(moments, event.at(), "node-event", words(event)));
        changes(moments);
        if (job.state() == JobState.RUNNING || job.reason() == Reason.TIMEOUT) {
            add(moments, job.deadline(), "deadline", "time limit");
        }
        add(moments, job.endTime(), "", "ended");
        moments.sort(Comparator.comparing(Moment::at));
        return moments;
    }

    private void changes(List<Moment> moments) {
        data.changes().suspensions().stream().limit(MAX_MOMENTS).forEach(one -> {
            add(moments, one.from(), "", "suspended");
            add(moments, one.isOver() ? one.to() : null, "", "resumed");
        });
        data.changes().limits().stream().limit(MAX_MOMENTS).forEach(one -> add(moments, one.at(), "limit-change",
                "memory limit changed from " + Phrases.bytes(one.beforeBytes()) + " to "
                        + Phrases.bytes(one.afterBytes())));
        data.audit().forEach(entry -> {
            Double before = minutes(entry.before());
            Double after = minutes(entry.after());
            if (before != null && after != null) {
                add(moments, entry.at(), "limit-change", "time limit changed from "
                        + Phrases.time(before * SECONDS_OF_MINUTE) + " to " + Phrases.time(after * SECONDS_OF_MINUTE));
            }
        });
    }

    private static @Nullable Double minutes(@Nullable Map<String, Object> audited) {
        return audited != null && audited.get(TIME_LIMIT) instanceof Number minutes ? minutes.doubleValue() : null;
    }

    private static void add(List<Moment> moments, @Nullable Instant at, String classes, String words) {
        if (at != null) {
            moments.add(new Moment(at, classes, words));
        }
    }

    private static String on(List<String> nodes) {
        if (nodes.isEmpty()) {
            return "";
        }
        return " on " + (nodes.size() > 3 ? Phrases.count(nodes.size(), "node") : String.join(", ", nodes));
    }

    private static String words(JobOomKill kill) {
        return "out of memory on " + kill.node() + ": " + Phrases.count(kill.killed(), "kill")
                + (kill.limitBytes() == null ? "" : " at a limit of " + Phrases.bytes(kill.limitBytes()));
    }

    private static String words(NodeEventTable.Event event) {
        return "node " + event.node() + " " + (event.kind() == NodeEventTable.Kind.BOOTED
                ? "booted"
                : "was " + Pieces.words(event.kind())) + (event.reason() == null ? "" : ": " + event.reason());
    }
}
