package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.node.SeenJobs.Seen;
import org.jobwitness.server.query.JobQueries.Ends;
import org.jobwitness.server.query.JobQueries.IdleGpus;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.Node;
import org.jobwitness.wire.NodePage;
import org.jobwitness.wire.UserSummary;
import org.jspecify.annotations.Nullable;

/** The pages of many jobs: of the cluster, of a node, of a user and of an account. */
final class OverviewView {
    /** More cells show no name, which would not be legible. */
    private static final int MAX_NAMED_NODES = 200;
    private static final int MAX_LARGE_CELLS = 2000;
    private static final List<String> OUT_OF_SERVICE = List.of("down", "drained", "draining", "fail",
            "not_responding", "invalid_reg");

    private OverviewView() {
    }

    /**
     * Jobs as an overview shows them.
     *
     * @param ends of the last day, by cause
     * @param idle with GPUs that idle now
     * @param failed the newest of the last day or week
     */
    record Jobs(List<Ends> ends, List<IdleGpus> idle, List<Job> failed, List<Job> running, List<Job> pending) {
        Jobs {
            ends = List.copyOf(ends);
            idle = List.copyOf(idle);
            failed = List.copyOf(failed);
            running = List.copyOf(running);
            pending = List.copyOf(pending);
        }
    }

    /** @param seen by agents, of the jobs that run by Slurm's record; empty for those who may not see all */
    static String cluster(Links links, NodePage nodes, List<Seen> seen, Jobs jobs) {
        return Layout.page(links, "Cluster", "", "all", element("h1", "Cluster"),
                live(map(links, nodes, seen), element("div", css("columns"), ends(links, jobs.ends(), Map.of()),
                        JobsView.idleGpus(links, jobs.idle())),
                        list(links, "failed", "Failed in the last day", jobs.failed()),
                        waiting(links, jobs.pending()),
                        list(links, "running", "Running", jobs.running())));
    }

    static String mine(Links links, Jobs jobs) {
        return Layout.page(links, "My jobs", "", "all", element("h1", "My jobs"),
                live(list(links, "failed", "Failed in the last week", jobs.failed()),
                        Html.when(!jobs.idle().isEmpty(), () -> JobsView.idleGpus(links, jobs.idle())),
                        list(links, "running", "Running", jobs.running()),
                        waiting(links, jobs.pending()), ends(links, jobs.ends(), Map.of())),
                element("p", Links.link(links.jobs(), "All jobs")));
    }

    /** @param summary empty for an account */
    static String owner(Links links, String what, String name, @Nullable UserSummary summary, Jobs jobs) {
        Map<String, String> filter = Map.of(what, name);
        return Layout.page(links, name, "", Links.query(what, name).substring(1),
                element("h1", text(Character.toUpperCase(what.charAt(0)) + what.substring(1) + " "),
                        Html.foreign(name)),
                live(Html.known(summary, OverviewView::summary),
                        element("div", css("columns"), ends(links, jobs.ends(), filter),
                                Html.when(!jobs.idle().isEmpty(), () -> JobsView.idleGpus(links, jobs.idle()))),
                        list(links, "failed", "Failed in the last week", jobs.failed()),
                        list(links, "running", "Running", jobs.running()),
                        waiting(links, jobs.pending())),
                element("p", Links.link(links.jobs(what, name), "All jobs")));
    }

    static String node(Links links, Node node, Jobs jobs) {
        return Layout.page(links, node.name(), "", Links.query("node", node.name()).substring(1),
                element("h1", text("Node "), Html.foreign(node.name())),
                live(nodeFacts(node), nodeGpus(links, node), list(links, "running", "Running", jobs.running()),
                        list(links, "failed", "Failed in the last week", jobs.failed()),
                        ends(links, jobs.ends(), Map.of("node", node.name()))),
                element("p", Links.link(links.jobs("node", node.name()), "All jobs")));
    }

    private static Html live(Html... content) {
        return element("div", css("live"), attribute("id", "top"), group(content));
    }

    private static Html list(Links links, String id, String heading, List<Job> jobs) {
        return Pieces.section(id, heading, jobs.isEmpty()
                ? element("p", css("faint"), text("None."))
                : JobList.of(links, heading, jobs));
    }

    private static Html waiting(Links links, List<Job> jobs) {
        return Pieces.section("pending", "Waiting", jobs.isEmpty()
                ? element("p", css("faint"), text("None."))
                : JobList.waiting(links, jobs));
    }

    private static Html ends(Links links, List<Ends> ends, Map<String, String> filter) {
        long all = ends.stream().mapToLong(Ends::runs).sum();
        return Pieces.section("ends", "Ended in the last day", all == 0
                ? element("p", css("faint"), text("None."))
                : Pieces.table("Ends by cause", List.of("State", "Runs", "Share"), ends.stream().map(one -> {
                    Stream<String> parameters = Stream.concat(Stream.of("state", one.state().toString()),
                            one.reason() == null ? Stream.of() : Stream.of("reason", one.reason().toString()));
                    String[] query = Stream.concat(parameters,
                            filter.entrySet().stream().flatMap(each -> Stream.of(each.getKey(), each.getValue())))
                            .toArray(String[]::new);
                    return Pieces.row(Links.link(links.jobs(query), Pieces.state(one.state(), one.reason())),
                            text(Long.toString(one.runs())),
                            Pieces.bar((double) one.runs() / all, "share " + one.state()));
                })));
    }

    private static Html map(Links links, NodePage page, List<Seen> seen) {
        Map<String, Long> states = page.nodes().stream().collect(Collectors.groupingBy(
                node -> Objects.requireNonNullElse(node.state(), "state not known"), TreeMap::new,
                Collectors.counting()));
        String counts = states.entrySet().stream().map(one -> one.getValue() + " " + one.getKey().replace('_', ' '))
                .collect(Collectors.joining(", "));
        String known = counts.isEmpty() ? "No node is known yet: no agent has reported, and no job ran." : counts;
        boolean isMany = page.total() > MAX_NAMED_NODES;
        return Pieces.section("nodes", "Nodes",
                element("p", text(known), Html.when(page.total() > page.nodes().size(), () -> text(
                        "; the first " + page.nodes().size() + " of " + page.total() + " are shown"))),
                group(seen.stream()
                        .map(one -> element("p", Html.when(seen.size() > 1, () -> text(one.cluster() + ": ")),
                                text(one.words())))),
                element("div", css(sizes(page)), attribute("role", "group"),
                        attribute("aria-label", "Nodes by use"),
                        group(page.nodes().stream().map(node -> cell(links, node, isMany)))),
                Html.when(isMany, () -> element("p", css("reading"), attribute("id", "node-reading"))),
                element("p", css("scale faint"), text("CPU use: 0 % "),
                        group(Stream.of("u0", "u2", "u4", "u6", "u8", "u10").map(step -> element("span",
                                css("cell " + step), attribute("aria-hidden", "true")))),
                        text(" 100 %, "),
                        element("span", css("cell unknown"), attribute("aria-hidden", "true")), text(" not known, "),
                        element("span", css("cell out"), attribute("aria-hidden", "true")), text(" out of service")));
    }

    private static String sizes(NodePage page) {
        return page.total() <= MAX_NAMED_NODES ? "map" : page.total() <= MAX_LARGE_CELLS ? "map many" : "map many tiny";
    }

    private static Html cell(Links links, Node node, boolean isOneOfMany) {
        String words = words(node);
        String use = node.cpuUsage() == null ? "unknown" : "u" + Math.clamp(Math.round(node.cpuUsage() / 10), 0, 10);
        List<Html> content = new ArrayList<>(List.of(css("cell " + (isOut(node) ? "out" : use)),
                attribute("href", links.page("nodes/" + Links.encode(node.name()))), attribute("title", words)));
        if (!isOneOfMany) {
            content.add(attribute("aria-label", words));
            content.add(text(node.name()));
        }
        return element("a", content.toArray(Html[]::new));
    }

    private static String words(Node node) {
        List<String> words = new ArrayList<>(List.of("CPUs " + percent(node.cpuUsage())));
        if (node.totalGpus() != null && node.totalGpus() > 0) {
            words.add("GPUs " + percent(node.gpuUsage()));
        }
        words.add(Phrases.count(node.jobs().size(), "job"));
        if (node.state() != null) {
            words.add(node.state().replace('_', ' '));
        }
        return node.name() + ": " + String.join(", ", words);
    }

    private static boolean isOut(Node node) {
        return node.state() != null && OUT_OF_SERVICE.contains(node.state());
    }

    private static String percent(@Nullable Double percent) {
        return percent == null ? "not known" : Phrases.percent(percent);
    }

    private static Html nodeFacts(Node node) {
        return Pieces.section("facts", "Now", element("dl", css("facts"), group(Stream.of(
                Pieces.fact("State", Pieces.orUnknown(node.state(), state -> state.replace('_', ' '))),
                Html.known(node.stateReason(), reason -> Pieces.fact("Slurm's reason", Html.foreign(reason))),
                Pieces.fact("Last seen", Pieces.timeOrUnknown(node.lastSeenAt())),
                Pieces.fact(node.totalCpus() == null ? "CPUs" : "Use of " + node.totalCpus() + " CPUs",
                        Pieces.percent(node.cpuUsage(), "cpu")),
                Pieces.fact("Load", Pieces.orUnknown(node.cpuLoad(), Phrases::number)),
                Pieces.fact("Memory", group(Pieces.memory(node.memoryUsageMb()), text(" of "),
                        Pieces.memory(node.totalMemoryMb()))),
                nodeGpuUse(node)))));
    }

    private static Html nodeGpuUse(Node node) {
        Integer gpus = node.totalGpus();
        if (gpus == null || gpus == 0) {
            return Pieces.fact("GPUs", gpus == null ? Pieces.unknown() : text("none"));
        }
        return Pieces.fact("Use of " + Phrases.count(gpus, "GPU"), Pieces.percent(node.gpuUsage(), "gpu"));
    }

    private static Html nodeGpus(Links links, Node node) {
        List<GpuReading> gpus = node.gpus();
        return gpus == null || gpus.isEmpty()
                ? Html.NOTHING
                : Pieces.section("gpus", "GPUs", Pieces.table("GPUs", List.of("GPU", "Job", "Busy", "Memory", "Power",
                        "Temperature"), gpus.stream().map(gpu -> row(links, gpu))));
    }

    private static Html row(Links links, GpuReading gpu) {
        Stream<String> holders = Stream.of(gpu.jobId() == null ? List.<String>of() : List.of(gpu.jobId()),
                gpu.sharedBy(), gpu.claimedBy()).flatMap(List::stream);
        String model = gpu.device() == null || gpu.device().model() == null ? "" : gpu.device().model();
        String name = gpu.device() == null || gpu.device().minor() == null
                ? gpu.gpu()
                : String.format(Locale.ROOT, "GPU %d", gpu.device().minor());
        return element("tr", element("th", attribute("scope", "row"), Html.foreign(name),
                element("small", Html.foreign(model))),
                element("td", gpu.holders() == 0
                        ? text("free")
                        : group(holders.map(id -> group(Links.link(links.job(id), id), text(" "))))),
                element("td", Pieces.percent(gpu.utilizationPercent(), "gpu")),
                element("td", Pieces.orUnknown(gpu.memoryUsedBytes(), used -> Phrases.bytes(used))),
                element("td", Pieces.orUnknown(gpu.powerWatts(), watts -> Phrases.number(watts) + " W")),
                element("td", Pieces.orUnknown(gpu.temperatureCelsius(), degrees -> Phrases.number(degrees) + " °C")));
    }

    private static Html summary(UserSummary summary) {
        return Pieces.section("summary", "The last 30 days", element("dl", css("facts"), group(Stream.of(
                Pieces.fact("Runs", text(Long.toString(summary.runs()))),
                Pieces.fact("CPU hours allocated", text(hours(summary.cpuHours()))),
                Pieces.fact("Share of them used", measured(summary.cpuUsage(), summary.cpuCoverage(), "cpu")),
                Pieces.fact("GPU hours allocated", text(hours(summary.gpuHours()))),
                Html.when(summary.gpuHours() > 0, () -> Pieces.fact("Share of them used",
                        measured(summary.gpuUsage(), summary.gpuCoverage(), "gpu"))),
                Pieces.fact("Memory used at peak", Pieces.percent(summary.memoryUsage(), "memory"))))));
    }

    private static String hours(double hours) {
        return String.format(Locale.ROOT, hours < 10 ? "%.1f" : "%,.0f", hours);
    }

    private static Html measured(@Nullable Double use, @Nullable Double coverage, String classes) {
        return group(Pieces.percent(use, classes), coverage == null
                ? Html.NOTHING
                : element("small", Phrases.percent(100 * coverage) + " of them were measured"));
    }
}
