package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jobwitness.server.chart.RunChanges;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.server.verdict.Verdicts.Judged;
import org.jobwitness.server.verdict.Verdicts.NodeUse;
import org.jobwitness.wire.AuditEntry;
import org.jobwitness.wire.HetJob;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Scheduler;
import org.jobwitness.wire.SeriesPage;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jspecify.annotations.Nullable;

/** The page of a run: verdict, use, next request, timeline, charts, nodes, other runs, facts and audit trail. */
final class JobView {
    /** Whose curves are drawn at once. */
    static final int MAX_NODES = 4;
    /** Of a long list, the rest is folded. */
    private static final int MAX_UNFOLDED = 8;
    private static final double FULL = 0.95;

    private final Links links;
    private final Data data;
    private final Job job;

    private JobView(Links links, Data data) {
        this.links = links;
        this.data = data;
        this.job = data.job();
    }

    /**
     * What the page is made of.
     *
     * @param charts series of the nodes that are shown, of the same time; empty if nothing was measured
     * @param gpus the same of GPUs
     * @param isZoomed whether the charts show a part of its time only
     * @param changes on the first of these nodes
     * @param audit the oldest entries
     */
    record Data(Job job, Judged judged, List<SeriesPage> charts, List<SeriesPage> gpus, boolean isZoomed,
            RunChanges changes, List<AuditEntry> audit, Instant now) {
        Data {
            charts = List.copyOf(charts);
            gpus = List.copyOf(gpus);
            audit = List.copyOf(audit);
        }
    }

    /** Those of which something is most likely wrong first. */
    static List<NodeUse> worstFirst(List<NodeUse> nodes) {
        return nodes.stream().sorted(Comparator.comparing((NodeUse node) -> !(node.oomKills() > 0))
                .thenComparing(node -> !(node.memoryPeakBytes() >= FULL * node.memoryLimitBytes()))
                .thenComparingDouble(NodeUse::gpuPercent).thenComparingDouble(NodeUse::cpuPercent)).toList();
    }

    static String of(Links links, Data data) {
        JobView view = new JobView(links, data);
        VerdictView verdict = new VerdictView(data.job(), data.judged().verdict());
        String live = data.job().state().isFinal() ? "" : Links.query("id", data.job().id()).substring(1);
        return Layout.page(links, "Job " + Pieces.slurmId(data.job()), "", live,
                view.whole(),
                element("div", css("live"), attribute("id", "top"), verdict.outcome(links),
                        element("div", css("columns"), verdict.use(), verdict.next()),
                        TimelineView.of(data)),
                view.charts(),
                element("div", css("live"), attribute("id", "bottom"), view.gpus(), view.nodes(),
                        element("div", css("columns"), view.otherRuns(), view.facts()), view.audit()));
    }

    /** The job array or heterogeneous job that was asked for. */
    private Html whole() {
        JobArray array = job.array();
        if (array != null) {
            return element("p", css("whole"),
                    text("This is the newest of " + Phrases.count(array.tasks(), "task") + " of job array "
                            + array.id() + ": " + array.failed() + " failed, " + array.running() + " running. "),
                    Links.link(links.array(array.id(), job.cluster()), "The array as a whole"));
        }
        HetJob het = job.hetJob();
        return het == null
                ? Html.NOTHING
                : element("p", css("whole"),
                        text("This is one of " + Phrases.count(het.components(), "component")
                                + " of heterogeneous job " + het.id() + ": " + het.failed() + " failed, "
                                + het.running() + " running. "),
                        Links.link(links.jobs("id", het.id()), "All of them"));
    }

    private Html charts() {
        if (data.charts().isEmpty()) {
            return Pieces.section("charts", "Over time", element("p", nothingMeasured()));
        }
        ChartView view = new ChartView(links, job, data.charts());
        boolean isSome = data.charts().size() < data.judged().nodes().size();
        return Pieces.section("charts", "Over time",
                isSome
                        ? element("p", css("faint"), text("The " + data.charts().size() + " of its "
                                + Phrases.count(data.judged().nodes().size(), "node")
                                + " that most need a look; the table of nodes below has the others."))
                        : Html.NOTHING,
                element("p", css("faint live"), attribute("id", "zoom"), zoom()),
                element("div", css("charts"), group(Chart.OF_NODES.stream().map(view::of))),
                element("p", Links.link(links.data(job, "/series") + "&format=csv", "Series as CSV"),
                        links.grafana(job, data.now()).<Html>map(address -> group(text(" · "),
                                Links.link(address, "In Grafana"))).orElse(Html.NOTHING)));
    }

    private Html zoom() {
        return data.isZoomed()
                ? group(text("A part of its time is shown. "), element("a", attribute("href", links.job(job)),
                        attribute("data-zoom", "out"), text("Show all of it")))
                : element("span", css("zoom-hint"), attribute("hidden", ""),
                        text("Drag over a chart to zoom all of them."
                                + " Keys: arrows read values, Escape shows all of the time."));
    }

    private String nothingMeasured() {
        if (job.state() == JobState.PENDING) {
            return "It has not started.";
        }
        return job.sampleCount() > 0
                ? "The samples have expired: only their totals are kept."
                : "Nothing was measured: no agent reported this run. Either none runs on its nodes, or the run was too short.";
    }

    private Html gpus() {
        return GpuView.of(job, data.gpus());
    }

    private Html nodes() {
        List<NodeUse> nodes = worstFirst(data.judged().nodes());
        if (nodes.size() < 2) {
            return Html.NOTHING;
        }
        Html rest = nodes.size() <= MAX_UNFOLDED
                ? Html.NOTHING
                : element("details", element("summary", (nodes.size() - MAX_UNFOLDED) + " more nodes"),
                        nodeTable("More nodes", nodes.subList(MAX_UNFOLDED, nodes.size())));
        return Pieces.section("nodes", "Nodes",
                nodeTable("Nodes, the worst first", nodes.subList(0, Math.min(MAX_UNFOLDED, nodes.size()))), rest);
    }

    private Html nodeTable(String caption, List<NodeUse> nodes) {
        List<String> headings = new ArrayList<>(List.of("Node", "CPUs busy", "Memory peak", "OOM kills", "Last sample",
                "Charts"));
        boolean hasGpus = nodes.stream().anyMatch(node -> !Double.isNaN(node.gpuPercent()));
        if (hasGpus) {
            headings.add(2, "GPUs busy");
        }
        return Pieces.table(caption, headings, nodes.stream().map(node -> element("tr",
                element("th", attribute("scope", "row"), links.node(node.node())),
                element("td", Pieces.percent(orNull(node.cpuPercent()), "cpu")),
                hasGpus ? element("td", Pieces.percent(orNull(node.gpuPercent()), "gpu")) : Html.NOTHING,
                element("td", Pieces.orUnknown(orNull(node.memoryPeakBytes()), Phrases::bytes)),
                element("td", Pieces.orUnknown(orNull(node.oomKills()), Phrases::number)),
                element("td", Pieces.timeOrUnknown(node.lastSample())),
                element("td", Links.link(links.job(job) + "&node=" + Links.encode(node.node()) + "#charts", "show")))));
    }

    private static @Nullable Double orNull(double value) {
        return Double.isNaN(value) ? null : Double.valueOf(value);
    }

    private Html otherRuns() {
        List<OtherRun> runs = data.judged().verdict().otherRuns();
        String name = job.scheduler().name();
        String array = job.scheduler().arrayJobId();
        List<Html> more = new ArrayList<>();
        if (array != null) {
            more.add(Links.link(links.array(array, job.cluster()), "Job array " + array + " as a whole"));
            more.add(Links.link(links.jobs("id", array), "All its tasks"));
        }
        if (name != null && job.user() != null) {
            more.add(group(Links.link(links.jobs("user", job.user(), "q", name), "The same before"),
                    text(": jobs of this name and user")));
        }
        return Pieces.section("runs", "Other runs", runs.isEmpty()
                ? element("p", css("faint"), text("This is the only run of its ID."))
                : element("ul", group(runs.stream().map(run -> element("li",
                        Links.link(links.job(job.id()) + Links.query("run", Long.toString(run.run())),
                                run.later() ? "A later run" : "An earlier run"),
                        text(" "), Pieces.state(run.state(), run.reason()), text(" "),
                        Pieces.timeOrUnknown(run.startTime()))))),
                element("ul", group(more.stream().map(one -> element("li", one)))));
    }

    private Html facts() {
        Scheduler slurm = job.scheduler();
        return Pieces.section("facts", "Facts", element("dl", css("facts"), group(Stream.of(
                fact("Job", Pieces.slurmId(job)), fact("Run", Long.toString(job.run())),
                fact("Cluster", job.clusterName()), fact("Partition", slurm.partition()), fact("QOS", slurm.qos()),
                fact("Submitted", slurm.submitTime()), fact("Started", job.startTime()), fact("Ended", job.endTime()),
                fact("Slurm's state", slurm.rawState()), fact("Slurm's reason", slurm.stateReason()),
                fact("Exit code", slurm.exitCode()), fact("Signal", slurm.signal()),
                fact("Restarts", slurm.restartCount()), nodesFact(),
                fact("CPU time", job.cpuSeconds() == null ? null : Phrases.time(job.cpuSeconds())),
                fact("Samples", job.sampleCount()), fact("Last sample", job.lastSampleAt()),
                Optional.of(Pieces.fact("Data", group(Links.link(links.data(job, ""), "job"), text(" · "),
                        Links.link(links.data(job, "/verdict"), "verdict"), text(" · "),
                        Links.link(links.data(job, "/audit"), "audit trail")))))
                .flatMap(Optional::stream))));
    }

    private Optional<Html> nodesFact() {
        int more = job.nodes().size() - MAX_UNFOLDED;
        return job.nodes().isEmpty()
                ? Optional.empty()
                : Optional.of(Pieces.fact("Nodes", group(
                        group(job.nodes().stream().limit(MAX_UNFOLDED).map(node -> group(links.node(node), text(" ")))),
                        text(more > 0 ? "and " + more + " more" : ""))));
    }

    private static Optional<Html> fact(String name, @Nullable Object value) {
        if (value == null) {
            return Optional.empty();
        }
        return Optional.of(Pieces.fact(name,
                value instanceof Instant time ? Pieces.time(time) : Html.foreign(value.toString())));
    }

    private Html audit() {
        return data.audit().isEmpty()
                ? Html.NOTHING
                : element("section", css("card"), attribute("id", "audit"), attribute("aria-label", "Audit trail"),
                        element("details", element("summary", "Audit trail"),
                                Pieces.table("Audit trail", List.of("Time", "What", "By", "Change"),
                                        data.audit().stream().map(JobView::row))));
    }

    private static Html row(AuditEntry entry) {
        return Pieces.row(Pieces.time(entry.at()), text(entry.action()),
                Html.foreign(Objects.requireNonNullElse(entry.source(), entry.actor())),
                Html.foreign(entry.after() == null
                        ? ""
                        : String.join(", ", entry.after().entrySet().stream()
                                .map(one -> one.getKey() + ": " + one.getValue()).toList())));
    }
}
