package org.jobwitness.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Graph;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Scheduler;
import org.jobwitness.wire.SeriesPage;
import org.jobwitness.wire.SeriesPage.Series;
import org.jspecify.annotations.Nullable;

/** One job as a page: its attributes, a bar and a sparkline for each resource, and a row for each node and GPU. */
final class JobDetails {
    private static final int LABEL = 10;
    private static final int BAR = 20;
    private static final int SHORT_BAR = 10;
    private static final int WIDE = 80;
    private static final int MAX_SPARKLINE = 40;
    private static final int MIN_SPARKLINE = 10;
    /** Of nodes, and of GPUs. */
    private static final int MAX_ROWS = 64;
    private static final int MAX_GPU_NAME = 16;
    private static final int GPU_BAR = 10;
    private static final int PERCENT = 7;
    private static final int OOM_SIGNAL = 125;
    private static final String NOT_MEASURED = "no agent reported it";

    private final Job job;
    private final SeriesPage series;
    private final Page page;
    private final ZoneId zone;
    private final int slots;
    private final int bar;

    private JobDetails(Job job, SeriesPage series, Screen screen, ZoneId zone) {
        this.job = job;
        this.series = series;
        this.page = new Page(screen);
        this.zone = zone;
        this.slots = Math.clamp(screen.columns() - 60, MIN_SPARKLINE, MAX_SPARKLINE);
        this.bar = screen.columns() < WIDE ? SHORT_BAR : BAR;
    }

    static Page of(Job job, SeriesPage series, Screen screen, ZoneId zone) {
        JobDetails details = new JobDetails(job, series, screen, zone);
        WholePage.add(details.page, job);
        details.head();
        details.resources();
        details.oomKills();
        details.places();
        return details.page;
    }

    private void head() {
        page.line(Text.of("Job " + job.id(), Style.STRONG).plus(slurmId())
                .plus(job.scheduler().name() == null ? "" : "  " + job.scheduler().name()));
        page.blank();
        fact("State", JobListing.state(job).plus(Boolean.FALSE.equals(job.confirmed()) ? " (not confirmed)" : ""));
        exit();
        fact("Owner", Text.of(listed(job.user(), named("account", job.scheduler().account()),
                named("partition", job.scheduler().partition()), "cluster " + job.cluster(), "run " + job.run())));
        submitted();
        requeued();
        if (job.startTime() != null) {
            fact("Ran", Text.of(Units.time(job.startTime(), zone) + (job.endTime() == null
                    ? " until now"
                    : " to " + Units.timeBeside(job.endTime(), job.startTime(), zone)) + suspended()));
        }
        if (!job.nodes().isEmpty()) {
            fact("Nodes", Text.of(job.nodes().size() + ": " + String.join(" ", job.nodes())));
        }
    }

    /** {@code  (500_7)} behind the id of a task of an array. */
    private String slurmId() {
        String id = JobListing.slurmId(job);
        return id.equals(job.id()) ? "" : " (" + id + ")";
    }

    private String suspended() {
        Double suspended = job.suspendedSeconds();
        return suspended == null || suspended < 1 ? "" : ", suspended for " + Units.duration(suspended) + " of it";
    }

    private void submitted() {
        Instant submit = job.scheduler().submitTime();
        if (submit != null) {
            Instant until = job.startTime() == null ? job.endTime() : job.startTime();
            double waited = until == null ? -1 : Duration.between(submit, until).toMillis() / 1e3;
            fact("Submitted", Text.of(Units.time(submit, zone)
                    + (waited < 0 ? "" : ", waited " + Units.duration(waited))));
        }
    }

    private void requeued() {
        Integer restarts = job.scheduler().restartCount();
        if (restarts != null && restarts > 0) {
            fact("Requeued", Text.of(Units.count(restarts, "time") + "; earlier runs: jobwitness why " + job.id()));
        }
    }

    /** How its script ended, and the highest status of its steps, where that is another one. */
    private void exit() {
        Scheduler scheduler = job.scheduler();
        if (scheduler.exitCode() == null || scheduler.signal() == null) {
            return;
        }
        String own = ended(scheduler.exitCode(), scheduler.signal());
        int derived = scheduler.derivedExitCode() == null ? 0 : scheduler.derivedExitCode();
        String ofStep = derived == 0 ? own : ended(derived >> 8, derived & 0x7f);
        if (!ofStep.equals(ended(0, 0)) || !own.equals(ofStep)) {
            fact("Exit", Text.of(own + (ofStep.equals(own) ? "" : "; a step: " + ofStep)));
        }
    }

    private static String ended(int code, int signal) {
        if (signal == OOM_SIGNAL) {
            return code + ":" + signal + ", Slurm's mark of an out-of-memory kill";
        }
        return signal == 0 ? "code " + code : "signal " + signal;
    }

    private static String named(String what, @Nullable String name) {
        return name == null ? "" : what + " " + name;
    }

    private static String listed(@Nullable String... words) {
        return String.join(", ", Stream.of(words).filter(Objects::nonNull).filter(word -> !word.isEmpty()).toList());
    }

    private void fact(String label, Text words) {
        page.paragraph(label + " ".repeat(LABEL - label.length()), " ".repeat(LABEL), words);
    }

    private void resources() {
        if (job.state() == JobState.PENDING) {
            fact("Asked", Text.of(asked()));
            return;
        }
        page.blank();
        time();
        cpu();
        memory();
        gpu();
        if (job.coverage() != null) {
            fact("Coverage", Text.of(Units.percent(100 * job.coverage()) + " of its time was measured"));
        }
    }

    private String asked() {
        Integer limit = job.scheduler().timeLimitMinutes();
        return listed(format(limit, minutes -> Units.duration(60.0 * minutes)),
                format(job.requestedCpus(), cpus -> Units.count(cpus, "CPU")),
                format(job.requestedMemoryMb(), memory -> Units.mebibytes(memory)),
                format(job.requestedGpus(), gpus -> Units.count(gpus, "GPU")));
    }

    private static <T> @Nullable String format(@Nullable T value, Function<? super T, String> format) {
        return value == null ? null : format.apply(value);
    }

    private void time() {
        Integer limit = job.scheduler().timeLimitMinutes();
        Double ran = SeffPage.ranSeconds(job);
        if (ran != null) {
            resource("Time", limit == null ? null : ran / (60.0 * limit), List.of(), 1, Units.duration(ran)
                    + (limit == null ? "" : " of " + Units.duration(60.0 * limit)));
        }
    }

    private void cpu() {
        Double percent = job.avgCpuUsage();
        if (percent == null) {
            notKnown("CPU", job.sampleCount() == 0 ? NOT_MEASURED : "its number of CPUs is not known");
            return;
        }
        Integer cpus = job.allocatedCpus();
        resource("CPU", percent / 100, percent("cpu_usage_percent"), 100,
                (cpus == null
                        ? "of its CPUs"
                        : number(percent * cpus / 100) + " of " + Units.count(cpus, "CPU"))
                        + " on average" + now(job.cpuUsage()) + ifOther(job.requestedCpus(), cpus, "CPU"));
    }

    private void memory() {
        Double peak = job.maxMemoryUsageMb();
        if (peak == null) {
            notKnown("Memory", NOT_MEASURED);
            return;
        }
        Double limit = SeffPage.memoryLimitMb(job);
        List<@Nullable Double> bytes = sum("memory_usage_bytes");
        if (limit == null) {
            resource("Memory", null, bytes, 1024 * 1024 * peak, Units.mebibytes(peak) + " at most");
        } else {
            resource("Memory", peak / limit, bytes, 1024 * 1024 * limit,
                    Units.mebibytes(peak) + " of " + Units.mebibytes(limit) + " at most");
        }
    }

    private void gpu() {
        Double percent = job.avgGpuUsage();
        Integer gpus = job.allocatedGpus();
        if (percent != null) {
            resource("GPU", percent / 100, percent("utilization_percent"), 100,
                    (gpus == null
                            ? "of its GPUs"
                            : number(percent * gpus / 100) + " of " + Units.count(gpus, "GPU"))
                            + " on average" + now(job.gpuUsage()) + ifOther(job.requestedGpus(), gpus, "GPU"));
        } else if ((gpus != null && gpus > 0) || job.gpus() != null) {
            boolean isShared = job.gpus() != null
                    && job.gpus().stream().anyMatch(gpu -> gpu.hold() == GpuHold.SHARED);
            notKnown("GPU", isShared ? "other jobs shared it" : NOT_MEASURED);
        }
    }

    private void notKnown(String label, String why) {
        fact(label, Text.of("not known: " + why, Style.FAINT));
    }

    private String now(@Nullable Double percent) {
        return job.state().isFinal() || percent == null ? "" : ", " + Units.percent(percent) + " now";
    }

    private static String ifOther(@Nullable Integer asked, @Nullable Integer has, String what) {
        return asked == null || asked.equals(has) || asked == 0 ? "" : ", asked for " + Units.count(asked, what);
    }

    private static String number(double value) {
        return Units.number(value, value == Math.rint(value) ? 0 : 1);
    }

    /** @param part null if it is not known of what */
    private void resource(String label, @Nullable Double part, List<@Nullable Double> values, double max,
            String words) {
        Screen screen = page.screen();
        Text start = Text.of(label + " ".repeat(LABEL - label.length()));
        page.line(part == null
                ? start.plus(words)
                : start.plus(Graph.bar(part, bar, Style.PLAIN, screen))
                        .plus(percentCell(part)).plus("  " + words));
        if (values.stream().anyMatch(Objects::nonNull)) {
            page.line(Text.of(" ".repeat(LABEL)).plus(Graph.sparkline(values, max, screen)));
        }
    }

    private static Text percentCell(double part) {
        String percent = Units.percent(100 * part);
        return Text.of(" ".repeat(Math.max(1, PERCENT - percent.length())) + percent, Style.STRONG);
    }

    private List<@Nullable Double> percent(String metric) {
        return Sparkline.mean(all(metric));
    }

    private List<@Nullable Double> sum(String metric) {
        return Sparkline.sum(all(metric));
    }

    private List<List<@Nullable Double>> all(String metric) {
        return series.series().stream().filter(one -> one.metric().equals(metric)).map(this::values).toList();
    }

    private List<@Nullable Double> values(Series one) {
        return Sparkline.values(one, series.from(), series.to(), slots);
    }

    private void oomKills() {
        if (job.oomKills() == null || job.oomKills() == 0) {
            return;
        }
        page.blank();
        fact("Killed", Text.of(job.oomKills() == 1 ? "1 process" : job.oomKills() + " processes", Style.BAD)
                .plus(" for lack of memory"));
        for (JobOomKill kill : job.oomKillEvents() == null ? List.<JobOomKill>of() : job.oomKillEvents()) {
            fact("", Text.of(Units.time(kill.timestamp(), zone) + " on " + kill.node()
                    + (kill.step() == null ? "" : ", step " + kill.step()) + cause(kill)));
        }
    }

    private static String cause(JobOomKill kill) {
        return switch (kill.cause()) {
            case LIMIT -> ": it had reached its limit"
                    + (kill.limitBytes() == null ? "" : " of " + Units.bytes(kill.limitBytes()));
            case NODE -> ": the node had no memory left";
        };
    }

    /** What a node or a GPU used. */
    private record Place(@Nullable Series use, @Nullable Series memory) {
        Place with(Series one, boolean isMemory) {
            return isMemory ? new Place(use, one) : new Place(one, memory);
        }
    }

    private void places() {
        Map<String, Place> nodes = places(false);
        if (nodes.size() > 1) {
            page.blank().table(table(nodes));
            rest(nodes.size());
        }
        List<JobGpu> gpus = job.gpus() == null ? List.of() : job.gpus();
        if (!gpus.isEmpty()) {
            page.blank().table(gpuTable(gpus));
            rest(gpus.size());
        }
    }

    /** By name. */
    private Map<String, Place> places(boolean gpus) {
        Map<String, Place> places = new TreeMap<>();
        for (Series one : series.series()) {
            if (one.node() != null && (one.gpu() != null) == gpus) {
                String name = gpus ? one.node() + " " + one.gpu() : one.node();
                boolean memory = one.unit().equals("bytes");
                places.merge(name, new Place(null, null).with(one, memory), (known, _) -> known.with(one, memory));
            }
        }
        return places;
    }

    private Table table(Map<String, Place> nodes) {
        Table table = new Table(List.of(Column.left("NODE", 0), Column.right("CPU", 0), Column.right("MEMORY", 0),
                Column.left("OVER TIME", 1)));
        nodes.entrySet().stream().limit(MAX_ROWS).forEach(node -> {
            Series used = node.getValue().use;
            Series memory = node.getValue().memory;
            table.row(List.of(Text.of(node.getKey()), Table.cell(used, JobDetails::mean),
                    Table.cell(memory, JobDetails::peak), overTime(used)));
        });
        return table;
    }

    private Text overTime(@Nullable Series used) {
        return used == null ? Text.empty() : Graph.sparkline(values(used), 100, page.screen());
    }

    private Table gpuTable(List<JobGpu> gpus) {
        Map<String, Place> places = places(true);
        Table table = new Table(List.of(Column.left("GPU", 0), Column.right("USE", 9), Column.left("", 6),
                Column.right("MEMORY", 7), Column.right("ENERGY", 2), Column.left("OVER TIME", 3), Column.left("", 8),
                Column.left("MODEL", 4), Column.left("ID", 1)));
        for (JobGpu gpu : gpus.subList(0, Math.min(gpus.size(), MAX_ROWS))) {
            Place place = places.get(gpu.node() + " " + gpu.gpu());
            table.row(List.of(Text.of(gpu.node() + " " + numbered(gpu)),
                    Table.cell(gpu.avgUtilization(), Units::percent), gpuBar(gpu.avgUtilization()),
                    Text.of(memory(gpu)),
                    Table.cell(gpu.energyJoules(), joules -> Units.wattHours(joules / 3600)),
                    overTime(place == null ? null : place.use), Text.of(note(gpu)),
                    Table.cell(gpu.device() == null ? null : gpu.device().model(), JobDetails::shortModel),
                    Text.of(gpuName(gpu.gpu()))));
        }
        return table;
    }

    private Text gpuBar(@Nullable Double percent) {
        return percent == null ? Text.empty() : Graph.bar(percent / 100, GPU_BAR, Style.PLAIN, page.screen());
    }

    /** Its number on the node, of /dev/nvidia2; else its name. */
    private static String numbered(JobGpu gpu) {
        return gpu.device() == null || gpu.device().minor() == null
                ? gpuName(gpu.gpu())
                : "gpu" + gpu.device().minor();
    }

    /** Without the vendor, which the model implies. */
    private static String shortModel(String model) {
        return model.replaceFirst("^(NVIDIA|AMD Instinct|AMD) ", "");
    }

    /** The start of a UUID distinguishes the GPUs of a node. */
    private static String gpuName(String gpu) {
        return gpu.length() <= MAX_GPU_NAME ? gpu : gpu.substring(0, MAX_GPU_NAME);
    }

    private static String memory(JobGpu gpu) {
        if (gpu.maxMemoryUsedMb() == null) {
            return "";
        }
        return Units.mebibytes(gpu.maxMemoryUsedMb())
                + (gpu.memoryTotalMb() == null ? "" : " of " + Units.mebibytes(gpu.memoryTotalMb()));
    }

    private String note(JobGpu gpu) {
        return switch (gpu.hold()) {
            case SHARED -> "shared with other jobs";
            case UNSURE -> "perhaps not this job's";
            case UNREAD -> "not read by any agent";
            case ALONE -> {
                if (Boolean.FALSE.equals(gpu.everUsed())) {
                    yield "never used";
                }
                yield gpu.idleSince() == null ? "" : "idle since " + Units.time(gpu.idleSince(), zone);
            }
        };
    }

    private void rest(int rows) {
        if (rows > MAX_ROWS) {
            page.line("and " + (rows - MAX_ROWS) + " more; --json and /v1/jobs/{id}/series have all");
        }
    }

    /** The mean of its points, which cover about the same time each. */
    private static String mean(Series percent) {
        return percent.mean().stream().filter(Objects::nonNull).mapToDouble(Double::doubleValue).average().stream()
                .mapToObj(Units::percent).findFirst().orElse("");
    }

    private static String peak(Series bytes) {
        return bytes.max().stream().filter(Objects::nonNull).mapToDouble(Double::doubleValue).max().stream()
                .mapToObj(Units::bytes).findFirst().orElse("");
    }
}
