package org.jobwitness.server.page;

import static org.jobwitness.server.page.Html.attribute;
import static org.jobwitness.server.page.Html.css;
import static org.jobwitness.server.page.Html.element;
import static org.jobwitness.server.page.Html.group;
import static org.jobwitness.server.page.Html.text;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.SeriesPage;
import org.jspecify.annotations.Nullable;

/** The GPUs of a run: a row for each, those that idle most first, with its use over time and idle time shaded. */
final class GpuView {
    private static final int MAX_UNFOLDED = 16;
    private static final double JOULES_OF_KWH = 3.6e6;

    private final List<SeriesPage> pages;

    private GpuView(List<SeriesPage> pages) {
        this.pages = pages;
    }

    static Html of(Job job, List<SeriesPage> pages) {
        List<JobGpu> gpus = job.gpus() == null
                ? List.of()
                : job.gpus().stream().sorted(Comparator.comparingDouble(
                        gpu -> Objects.requireNonNullElse(gpu.avgUtilization(), Double.MAX_VALUE))).toList();
        if (gpus.isEmpty()) {
            return Html.NOTHING;
        }
        GpuView view = new GpuView(pages);
        List<JobGpu> first = gpus.subList(0, Math.min(MAX_UNFOLDED, gpus.size()));
        List<JobGpu> rest = gpus.subList(first.size(), gpus.size());
        return Pieces.section("gpus", "GPUs",
                element("p", css("faint"),
                        text("Busy nearly all the time is well used. Shaded time is idle, grey is not known.")),
                view.table("GPUs, the idlest first", first),
                rest.isEmpty()
                        ? Html.NOTHING
                        : element("details", element("summary", Phrases.count(rest.size(), "more GPU")),
                                view.table("More GPUs", rest)));
    }

    private Html table(String caption, List<JobGpu> gpus) {
        return Pieces.table(caption, List.of("GPU", "Use over time", "Busy", "Memory", "Energy", "Now"),
                gpus.stream().map(gpu -> element("tr", css("gpu"),
                        element("th", attribute("scope", "row"), Html.foreign(name(gpu)),
                                element("small", Html.foreign(model(gpu)))),
                        element("td", css("over-time"), curve(gpu)),
                        element("td", busy(gpu)), element("td", memory(gpu)),
                        element("td", Pieces.orUnknown(gpu.energyJoules(), GpuView::energy)),
                        element("td", now(gpu)))));
    }

    private static String name(JobGpu gpu) {
        String device = gpu.device() == null || gpu.device().minor() == null
                ? gpu.gpu()
                : "GPU " + gpu.device().minor();
        return gpu.node() + " " + device;
    }

    private static String model(JobGpu gpu) {
        return gpu.device() == null || gpu.device().model() == null ? "" : gpu.device().model();
    }

    private Html curve(JobGpu gpu) {
        for (SeriesPage page : pages) {
            Optional<SeriesPage.Series> found = page.series().stream()
                    .filter(series -> gpu.gpu().equals(series.gpu()) && gpu.node().equals(series.node())).findFirst();
            if (found.isPresent()) {
                Curve curve = new Curve(page.from(), page.to(), 100);
                Duration step = Duration.ofMillis(Math.max(page.stepMs(), 1000));
                return Curve.svg("gpu-curve", Stream.of(curve.gaps(found.get(), step), idle(curve, found.get()),
                        curve.draw(found.get(), Chart.Shape.AREA, "c0")));
            }
        }
        return Html.NOTHING;
    }

    /** Between two points without any use. */
    private static Html idle(Curve curve, SeriesPage.Series series) {
        List<Html> idle = new ArrayList<>();
        Instant since = null;
        Instant last = null;
        for (int i = 0; i < series.times().size(); i++) {
            boolean isIdle = Double.valueOf(0).equals(series.max().get(i));
            if (isIdle) {
                since = since == null ? series.times().get(i) : since;
                last = series.times().get(i);
            } else if (since != null) {
                idle.add(curve.span("idle", since, Objects.requireNonNull(last)));
                since = null;
            }
        }
        if (since != null) {
            idle.add(curve.span("idle", since, Objects.requireNonNull(last)));
        }
        return group(idle.stream());
    }

    private static Html busy(JobGpu gpu) {
        return switch (gpu.hold()) {
            case ALONE -> Pieces.percent(gpu.avgUtilization(), "gpu");
            case SHARED ->
                element("span", css("faint"), text("shared with other jobs, so its use is not this job's alone"));
            case UNSURE -> element("span", css("faint"),
                    text("not known whether this job has it: "
                            + gpu.absent().getOrDefault("job_id", "sources disagree")));
            case UNREAD -> element("span", css("faint"), text("allocated, but no agent read it"));
        };
    }

    private static Html memory(JobGpu gpu) {
        Double used = gpu.maxMemoryUsedMb();
        Double total = gpu.memoryTotalMb();
        if (used == null) {
            return Pieces.unknown();
        }
        return group(Pieces.memory(used), total == null
                ? Html.NOTHING
                : group(text(" of "), Pieces.memory(total)));
    }

    private static String energy(double joules) {
        double kilowattHours = joules / JOULES_OF_KWH;
        return kilowattHours < 1
                ? Phrases.number(1000 * kilowattHours) + " Wh"
                : Phrases.number(kilowattHours) + " kWh";
    }

    private static Html now(JobGpu gpu) {
        @Nullable
        Instant idle = gpu.idleSince();
        if (Boolean.FALSE.equals(gpu.everUsed())) {
            return element("b", css("critical"), text("never used"));
        }
        return idle == null ? text("") : group(text("idle since "), Pieces.time(idle));
    }
}
