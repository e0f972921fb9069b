package org.jobwitness.cli;

import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Graph;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Style;
import org.jobwitness.cli.text.Table;
import org.jobwitness.cli.text.Table.Column;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.SeriesPage;
import org.jobwitness.wire.SeriesPage.Series;
import org.jspecify.annotations.Nullable;

/** One job as a page: its attributes, a bar and a sparkline for each resource, and a row for each node and GPU. */
final class JobDetails {
    private static final int LABEL = 10;
    private static final int BAR = 20;
    private static final int MAX_SPARKLINE = 40;
    private static final int MIN_SPARKLINE = 10;
    /** Of nodes, and of GPUs. */
    private static final int MAX_ROWS = 64;
    private static final int MAX_GPU_NAME = 16;

    private final Job job;
    private final SeriesPage series;
    private final Page page;
    private final ZoneId zone;
    private final int slots;

    private JobDetails(Job job, SeriesPage series, Screen screen, ZoneId zone) {
        this.job = job;
        this.series = series;
        this.page = new Page(screen);
        this.zone = zone;
        this.slots = Math.clamp(screen.columns() - 60, MIN_SPARKLINE, MAX_SPARKLINE);
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
        fact("Owner", Text.of(listed(job.user(), named("account", job.scheduler().account()),
                named("partition", job.scheduler().partition()), "cluster " + job.cluster(), "run " + job.run())));
        if (job.startTime() != null) {
            String until = job.endTime() == null
                    ? ""
                    : " to " + Units.timeBeside(job.endTime(), job.startTime(), zone);
            fact("Time", Text.of(Units.time(job.startTime(), zone) + until + time()));
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

    private String time() {
        if (job.runtimeSeconds() == null) {
            return "";
        }
        Integer limit = job.scheduler().timeLimitMinutes();
        Double suspended = job.suspendedSeconds();
        return ", " + Units.duration(job.runtimeSeconds())
                + (limit == null ? "" : " of " + Units.duration(limit * 60.0))
                + (suspended == null || suspended < 1 ? "" : ", suspended for " + Units.duration(suspended) + " of it");
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
        page.blank();
        if (job.avgCpuUsage() != null) {
            resource("CPU", job.avgCpuUsage() / 100, percent("cpu_usage_percent"), 100,
                    Units.percent(job.avgCpuUsage()) + " of " + counted(job.allocatedCpus(), "CPU")
                            + now(job.cpuUsage()));
        }
        if (job.maxMemoryUsageMb() != null) {
            memory(job.maxMemoryUsageMb(), SeffPage.memoryLimitMb(job));
        }
        if (job.avgGpuUsage() != null) {
            resource("GPU", job.avgGpuUsage() / 100, percent("utilization_percent"), 100,
                    Units.percent(job.avgGpuUsage()) + " of " + counted(job.allocatedGpus(), "GPU")
                            + now(job.gpuUsage()));
        }
        if (job.avgCpuUsage() == null && job.maxMemoryUsageMb() == null && job.avgGpuUsage() == null) {
            page.paragraph(0,
                    Text.of("Its use is not known" + (job.sampleCount() == 0 ? ": nothing was measured." : ".")));
        }
        if (job.coverage() != null) {
            fact("Coverage", Text.of(Units.percent(100 * job.coverage()) + " of its time was measured"));
        }
    }

    private void memory(double peak, @Nullable Double limit) {
        List<@Nullable Double> bytes = sum("memory_usage_bytes");
        String words = Units.mebibytes(peak) + " at most";
        if (limit == null) {
            resource("Memory", 0, bytes, 1024 * 1024 * peak, words);
        } else {
            resource("Memory", peak / limit, bytes, 1024 * 1024 * limit, words + ", of " + Units.mebibytes(limit));
        }
    }

    private String now(@Nullable Double percent) {
        return job.state().isFinal() || percent == null
                ? " on average"
                : " on average, " + Units.percent(percent) + " now";
    }

    private static String counted(@Nullable Integer count, String what) {
        return count == null ? "its " + what + "s" : Units.count(count, what);
    }

    private void resource(String label, double part, List<@Nullable Double> values, double max, String words) {
        Screen screen = page.screen();
        Text line = Text.of(label + " ".repeat(LABEL - label.length())).plus(Graph.bar(part, BAR, Style.PLAIN, screen))
                .plus("  " + words);
        page.line(line);
        if (values.stream().anyMatch(Objects::nonNull)) {
            page.line(Text.of(" ".repeat(LABEL)).plus(Graph.sparkline(values, max, screen)));
        }
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
        Table table = new Table(List.of(Column.left("GPU", 0), Column.right("USE", 0), Column.right("MEMORY", 0),
                Column.right("ENERGY", 2), Column.left("OVER TIME", 1), Column.left("", 3)));
        for (JobGpu gpu : gpus.subList(0, Math.min(gpus.size(), MAX_ROWS))) {
            Place place = places.get(gpu.node() + " " + gpu.gpu());
            table.row(List.of(Text.of(gpu.node() + " " + gpuName(gpu.gpu())),
                    Table.cell(gpu.avgUtilization(), Units::percent), Text.of(memory(gpu)),
                    Table.cell(gpu.energyJoules(), joules -> Units.wattHours(joules / 3600)),
                    overTime(place == null ? null : place.use), Text.of(note(gpu))));
        }
        return table;
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
