package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.ArrayVerdict;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.RetryHow;
import org.jspecify.annotations.Nullable;

/** The page of a job array: how its tasks ended and why, what to submit again, the worst and the typical task, what to request. */
final class ArrayView {
    /** A longer list of task numbers is folded. */
    private static final int MAX_NUMBERS = 60;

    /** More of them would have saved a task. */
    private static final Set<RetryHow> RESOURCES = Set.of(RetryHow.MORE_MEMORY, RetryHow.MORE_TIME);

    private final Links links;
    private final ArrayVerdict verdict;
    private final JobArray array;

    private ArrayView(Links links, ArrayVerdict verdict) {
        this.links = links;
        this.verdict = verdict;
        this.array = verdict.array();
    }

    /**
     * What the page is made of.
     *
     * @param failed, running the newest of these tasks
     */
    record Data(ArrayVerdict verdict, List<Job> failed, List<Job> running) {
        Data {
            failed = List.copyOf(failed);
            running = List.copyOf(running);
        }
    }

    static String of(Links links, Data data) {
        ArrayView view = new ArrayView(links, data.verdict());
        String live = view.array.running() + view.array.pending() == 0
                ? ""
                : Links.query("id", view.array.id()).substring(1);
        return Layout.page(links, "Job array " + view.array.id(), "", live,
                element("div", css("live"), attribute("id", "top"), view.outcome(), view.ends(),
                        element("div", css("columns"), view.extremes(),
                                VerdictView.next("Next time, for all tasks", data.verdict().next())),
                        view.list("failed", "Failed tasks", data.failed(), view.array.failed()),
                        view.list("running", "Running tasks", data.running(), view.array.running())),
                element("p", Links.link(links.jobs("id", view.array.id(), "cluster", data.verdict().cluster()),
                        "All " + Phrases.count(view.array.tasks(), "task"))));
    }

    /** How many tasks are in each state, those first that need a look. */
    private Map<JobState, Long> counts() {
        Map<JobState, Long> counts = new LinkedHashMap<>();
        counts.put(JobState.FAILED, array.failed());
        counts.put(JobState.CANCELLED, array.cancelled());
        counts.put(JobState.RUNNING, array.running());
        counts.put(JobState.PENDING, array.pending());
        counts.put(JobState.COMPLETED, array.completed());
        counts.values().removeIf(count -> count == 0);
        return counts;
    }

    private Html outcome() {
        Map<JobState, Long> counts = counts();
        JobState worst = counts.keySet().stream().findFirst().orElse(JobState.PENDING);
        return element("section", css("card verdict " + worst), attribute("id", "verdict"),
                attribute("aria-labelledby", "headline"),
                element("p", css("who"), text("Job array"),
                        Html.known(verdict.user(), user -> group(text(" of "), links.user(user)))),
                element("h1", attribute("id", "headline"), text("Job array " + array.id() + ": " + words(counts))),
                shares(counts),
                Html.known(verdict.incomplete(), cause -> element("p", css("faint"),
                        text("There may be more tasks: " + cause + "."))),
                Html.known(verdict.again(), this::again));
    }

    /** {@code 1 of 8 tasks failed, 7 completed}. */
    private String words(Map<JobState, Long> counts) {
        String all = Phrases.count(array.tasks(), "task");
        return counts.size() < 2
                ? (array.tasks() > 1 ? "all " : "") + all + " "
                        + String.join("", counts.keySet().stream().map(JobState::toString).toList())
                : counts.entrySet().stream().map(one -> one.getValue() + " " + one.getKey())
                        .collect(Collectors.joining(", ")).replaceFirst(" ", " of " + all + " ");
    }

    /** As one bar, which the heading says in words. */
    private static Html shares(Map<JobState, Long> counts) {
        double all = counts.values().stream().mapToLong(Long::longValue).sum();
        List<Html> parts = new ArrayList<>();
        double left = 0;
        for (Map.Entry<JobState, Long> one : counts.entrySet()) {
            double width = Curve.WIDTH * one.getValue() / all;
            parts.add(element("rect", css("ran " + one.getKey()), attribute("x", Phrases.number(left)),
                    attribute("y", "0"), attribute("width", Phrases.number(width)),
                    attribute("height", Integer.toString(Curve.HEIGHT))));
            left += width;
        }
        return Curve.svg("strip thin", parts.stream());
    }

    private Html again(ArrayVerdict.Again again) {
        return group(element("p", text("To submit only the " + Phrases.count(again.tasks(), "task")
                + " that failed or " + (again.tasks() == 1 ? "was" : "were") + " cancelled:")),
                Pieces.copyable("again", "Line for the batch script", List.of(again.line())));
    }

    private Html ends() {
        List<ArrayVerdict.End> ends = verdict.ends();
        if (ends.isEmpty()) {
            return Pieces.section("ends", "Ends", element("p", css("faint"), text("No task has ended yet.")));
        }
        double all = ends.stream().mapToLong(ArrayVerdict.End::tasks).sum();
        return Pieces.section("ends", "How its tasks ended",
                Pieces.table("Tasks by how they ended", List.of("State", "Tasks", "Share", "CPU hours", "Numbers"),
                        ends.stream().map(end -> Pieces.row(Pieces.state(end.state(), end.reason()),
                                text(Long.toString(end.tasks())),
                                Pieces.bar(end.tasks() / all, "share " + end.state()),
                                text(Phrases.number(end.cpuHours())), numbers(end.list())))),
                element("ul", css("findings"), group(ends.stream().map(ArrayVerdict.End::example)
                        .filter(Objects::nonNull).map(this::example))));
    }

    private static Html numbers(String list) {
        int cut = list.lastIndexOf(',', MAX_NUMBERS);
        return list.length() <= MAX_NUMBERS || cut < 0
                ? text(list)
                : element("details", element("summary", list.substring(0, cut) + ", …"),
                        element("p", css("numbers"), text(list)));
    }

    /** The largest of the tasks that ended in one way: why, and what to do with all of them. */
    private Html example(ArrayVerdict.Example example) {
        String retry = words(example.retry());
        return element("li", css("finding critical"),
                element("b", Links.link(links.job(example.id()) + Links.query("run", Long.toString(example.run())),
                        example.id())),
                text(": " + example.headline()),
                Html.when(!retry.isEmpty(), () -> element("p", css("advice"), text(retry))),
                Html.when(RESOURCES.contains(example.retry()) && !example.lines().isEmpty(),
                        () -> Pieces.copyable("lines-of-" + example.id(),
                                "Lines for tasks like " + example.id(), example.lines())));
    }

    private static String words(RetryHow retry) {
        return switch (retry) {
            case SAME -> "Submit such tasks again as they are: the cause was not the job, and has passed.";
            case MORE_MEMORY -> "Submit such tasks again with more memory.";
            case MORE_TIME -> "Submit such tasks again with more time.";
            case OTHER_NODE -> "Submit such tasks again, on other nodes.";
            case NO_USE ->
                "Do not submit such tasks again unchanged: they would end in the same way, or somebody wanted them to end.";
            case NONE, NOT_KNOWN -> "";
        };
    }

    private Html extremes() {
        List<Html> rows = Stream.of(row("Worst", verdict.worst()), row("Typical", verdict.typical()))
                .flatMap(Optional::stream).toList();
        return Pieces.section("extremes", "The worst and the typical task", rows.isEmpty()
                ? element("p", css("faint"), text("Not known before tasks have ended."))
                : Pieces.table("The worst and the typical task",
                        List.of("", "Task", "State", "Time", "CPUs", "Memory peak"), rows.stream()),
                element("p", css("faint"), text("The worst lost the most CPU hours, or left the most idle;"
                        + " the typical one has the median run time of those that completed.")));
    }

    private Optional<Html> row(String what, ArrayVerdict.@Nullable Task task) {
        return Optional.ofNullable(task)
                .map(known -> element("tr", element("th", attribute("scope", "row"), text(what)),
                        element("td", Links.link(links.job(known.id()) + Links.query("run", Long.toString(known.run())),
                                known.id())),
                        element("td", Pieces.state(known.state(), null)),
                        element("td", css("amount"), text(Phrases.time(known.runtimeSeconds()))),
                        element("td", Pieces.percent(known.cpuPercent(), "cpu")),
                        element("td", css("amount"), Pieces.memory(known.memoryPeakMb()))));
    }

    private Html list(String id, String heading, List<Job> tasks, long all) {
        if (tasks.isEmpty()) {
            return Html.NOTHING;
        }
        String state = tasks.getFirst().state().toString();
        return Pieces.section(id, heading, JobList.unfolded(links, heading, tasks), all <= tasks.size()
                ? Html.NOTHING
                : element("p", Links.link(links.jobs("id", array.id(), "cluster", verdict.cluster(), "state", state),
                        "All " + all + " of them")));
    }
}
