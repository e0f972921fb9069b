package org.jobwitness.cli;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobFigures;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** A job's efficiency in the lines of Slurm's seff, so that scripts which parse seff can parse this. */
final class SeffPage {
    private static final String UNKNOWN = "not known";

    private SeffPage() {
    }

    static Page of(Job job, Screen screen) {
        Scheduler scheduler = job.scheduler();
        Page page = new Page(screen);
        WholePage.add(page, job);
        page.line("Job ID: " + job.id());
        if (scheduler.arrayJobId() != null && scheduler.arrayTaskId() != null) {
            page.line("Array Job ID: " + JobListing.slurmId(job));
        }
        page.line("Cluster: " + job.cluster());
        page.line("User: " + (job.user() == null ? UNKNOWN : job.user()));
        page.line("State: " + state(job)
                + (scheduler.exitCode() == null ? "" : " (exit code " + scheduler.exitCode() + ")"));
        cores(job, page);
        cpu(job, page);
        memory(job, page);
        gpu(job, page);
        page.blank();
        if (!job.state().isFinal()) {
            page.paragraph(0, Text.of("The job has not ended; these are its figures so far."));
        }
        if (Boolean.FALSE.equals(job.confirmed())) {
            page.paragraph(0, Text.of("How it ended is not confirmed: see jobwitness why " + job.id() + "."));
        }
        page.paragraph(0,
                Text.of("Memory is the peak of the job's cgroup on each node" + (single(job) ? "" : ", added up")
                        + ", with page cache. Slurm's MaxRSS is the peak of its largest task only, without page cache."));
        return page;
    }

    private static boolean single(Job job) {
        return Integer.valueOf(1).equals(job.nodeCount());
    }

    /** Slurm's state; if that is not known, ours in Slurm's spelling. */
    private static String state(Job job) {
        String raw = job.scheduler().rawState();
        Reason reason = job.reason();
        if (raw != null) {
            return raw;
        }
        String ours = job.state().toString().toUpperCase(Locale.ROOT);
        return reason == null ? ours : switch (reason) {
            case OUT_OF_MEMORY -> "OUT_OF_MEMORY";
            case TIMEOUT -> "TIMEOUT";
            case NODE_FAILURE -> "NODE_FAIL";
            case PREEMPTED -> "PREEMPTED";
            case DEADLINE -> "DEADLINE";
            case REVOKED -> "REVOKED";
            case CANCELLED, CANCELLED_BY_USER, CANCELLED_BY_ADMIN, SIGNAL, EXIT_CODE, REQUEUED, LAUNCH_FAILURE, LOST,
                    UNKNOWN ->
                ours;
        };
    }

    private static void cores(Job job, Page page) {
        Integer cpus = job.allocatedCpus();
        Integer nodes = job.nodeCount();
        if (nodes != null && nodes > 1) {
            page.line("Nodes: " + nodes);
            if (cpus != null && cpus % nodes == 0) {
                page.line("Cores per node: " + cpus / nodes);
                return;
            }
        }
        page.line("Cores: " + (cpus == null ? UNKNOWN : cpus.toString()));
    }

    private static void cpu(Job job, Page page) {
        Double used = job.cpuSeconds();
        Double ran = ranSeconds(job);
        Double had = job.allocatedCpus() == null || ran == null ? null : Double.valueOf(job.allocatedCpus() * ran);
        page.line("CPU Utilized: " + (used == null ? UNKNOWN : Units.slurmDuration(used)));
        page.line("CPU Efficiency: " + share(used, had) + (had == null
                ? ""
                : " of " + Units.slurmDuration(had) + " core-walltime"));
        page.line("Job Wall-clock time: " + (ran == null ? UNKNOWN : Units.slurmDuration(ran)));
    }

    /** As Slurm's Elapsed: without the time that it was suspended. */
    static @Nullable Double ranSeconds(Job job) {
        return job.runtimeSeconds() == null || job.suspendedSeconds() == null
                ? job.runtimeSeconds()
                : Double.valueOf(Math.max(0, job.runtimeSeconds() - job.suspendedSeconds()));
    }

    private static void memory(Job job, Page page) {
        Double used = job.maxMemoryUsageMb();
        Double had = memoryLimitMb(job);
        page.line("Memory Utilized: " + (used == null ? UNKNOWN : size(used)));
        page.line("Memory Efficiency: " + share(used, had) + (had == null ? "" : " of " + size(had)));
        JobFigures figures = job.figures();
        if (figures != null && figures.maxNeededMb() != null) {
            page.line("Memory Utilized without page cache: " + size(figures.maxNeededMb()));
        }
    }

    /** What was allocated, else the limit of its cgroups; null if neither is known. */
    static @Nullable Double memoryLimitMb(Job job) {
        if (job.allocatedMemoryMb() != null) {
            return job.allocatedMemoryMb().doubleValue();
        }
        return job.figures() == null ? null : job.figures().memoryLimitMb();
    }

    private static void gpu(Job job, Page page) {
        Integer gpus = job.allocatedGpus();
        Double used = job.avgGpuUsage();
        if ((gpus != null && gpus > 0) || used != null) {
            page.line("GPUs: " + (gpus == null ? UNKNOWN : gpus.toString()));
            page.line("GPU Efficiency: " + (used == null ? UNKNOWN : percent(used) + " of their time, on average"));
        }
        for (JobGpu gpu : job.gpus() == null ? List.<JobGpu>of() : job.gpus()) {
            page.line("GPU " + name(gpu) + " on " + gpu.node() + ": "
                    + (gpu.hold() == GpuHold.ALONE ? use(gpu) : gpu.hold().toString()));
        }
    }

    /** Its number on the node and its model, as far as they are known, and its UUID. */
    private static String name(JobGpu gpu) {
        GpuDevice device = gpu.device();
        List<String> known = Stream.of(device == null ? null : device.minor(), device == null ? null : device.model())
                .filter(Objects::nonNull).map(Object::toString).toList();
        return known.isEmpty() ? gpu.gpu() : String.join(" ", known) + " " + gpu.gpu();
    }

    private static String use(JobGpu gpu) {
        Double used = gpu.maxMemoryUsedMb();
        String of = gpu.memoryTotalMb() == null ? "" : " of " + size(gpu.memoryTotalMb());
        return (gpu.avgUtilization() == null ? UNKNOWN : percent(gpu.avgUtilization())) + ", memory "
                + (used == null ? UNKNOWN : size(used) + of);
    }

    private static String percent(double percent) {
        return Units.number(percent, 2) + "%";
    }

    private static String share(@Nullable Double part, @Nullable Double whole) {
        return part == null || whole == null || whole <= 0 ? UNKNOWN : percent(100 * part / whole);
    }

    /** In seff's units: multiples of 1024. */
    private static String size(double mebibytes) {
        return mebibytes >= 1024 * 1024
                ? Units.number(mebibytes / 1024 / 1024, 2) + " TB"
                : mebibytes >= 1024
                        ? Units.number(mebibytes / 1024, 2) + " GB"
                        : Units.number(mebibytes, 2) + " MB";
    }
}
