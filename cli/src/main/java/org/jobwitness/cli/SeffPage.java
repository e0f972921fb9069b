package org.jobwitness.cli;

import java.util.List;
import java.util.Locale;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.jobwitness.cli.text.Text;
import org.jobwitness.cli.text.Units;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobFigures;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** A job's efficiency, line by line as Slurm's seff has it, so that what reads those lines can read these. */
final class SeffPage {
    private static final String UNKNOWN = "not known";

    private SeffPage() {
    }

    static Page of(Job job, Screen screen) {
        Scheduler scheduler = job.scheduler();
        Page page = new Page(screen);
        page.line("Job ID: " + job.id());
        if (scheduler.arrayJobId() != null && scheduler.arrayTaskId() != null) {
            page.line("Array Job ID: " + scheduler.arrayJobId() + "_" + scheduler.arrayTaskId());
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
            page.paragraph(0, Text.of("The job has not ended; these are its figures until now."));
        }
        if (Boolean.FALSE.equals(job.confirmed())) {
            page.paragraph(0, Text.of("How it ended is not confirmed: jobwitness why " + job.id() + " tells more."));
        }
        page.paragraph(0,
                Text.of("Memory is the peak of the job's cgroup on each node" + (single(job) ? "" : ", added up")
                        + ", with page cache. Slurm's MaxRSS is the largest of its tasks alone, without page cache."));
        return page;
    }

    private static boolean single(Job job) {
        return Integer.valueOf(1).equals(job.nodeCount());
    }

    /** Slurm's word for it; ours in its spelling where nobody has told that. */
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
        Double had = job.allocatedCpus() == null || ran == null
                ? null
                : Double.valueOf(job.allocatedCpus() * ran);
        page.line("CPU Utilized: " + (used == null ? UNKNOWN : Units.slurmDuration(used)));
        page.line("CPU Efficiency: " + share(used, had) + (had == null
                ? ""
                : " of " + Units.slurmDuration(had) + " core-walltime"));
        page.line("Job Wall-clock time: " + (ran == null ? UNKNOWN : Units.slurmDuration(ran)));
    }

    /** As Slurm's Elapsed: without the time that it was suspended. */
    private static @Nullable Double ranSeconds(Job job) {
        return job.runtimeSeconds() == null || job.suspendedSeconds() == null
                ? job.runtimeSeconds()
                : Double.valueOf(Math.max(0, job.runtimeSeconds() - job.suspendedSeconds()));
    }

    private static void memory(Job job, Page page) {
        Double used = job.maxMemoryUsageMb();
        JobFigures figures = job.figures();
        Double had = job.allocatedMemoryMb() != null
                ? Double.valueOf(job.allocatedMemoryMb())
                : figures == null ? null : figures.memoryLimitMb();
        page.line("Memory Utilized: " + (used == null ? UNKNOWN : size(used)));
        page.line("Memory Efficiency: " + share(used, had) + (had == null ? "" : " of " + size(had)));
        if (figures != null && figures.maxAnonMb() != null) {
            page.line("Memory Utilized without page cache: " + size(figures.maxAnonMb()));
        }
    }

    private static void gpu(Job job, Page page) {
        Integer gpus = job.allocatedGpus();
        if ((gpus != null && gpus > 0) || job.avgGpuUsage() != null) {
            page.line("GPUs: " + (gpus == null ? UNKNOWN : gpus.toString()));
            page.line("GPU Efficiency: "
                    + (job.avgGpuUsage() == null
                            ? UNKNOWN
                            : Units.number(job.avgGpuUsage(), 2) + "% of their time, on average"));
        }
        for (JobGpu gpu : job.gpus() == null ? List.<JobGpu>of() : job.gpus()) {
            page.line("GPU " + gpu.gpu() + " on " + gpu.node() + ": " + (gpu.hold() != GpuHold.ALONE
                    ? gpu.hold().toString()
                    : (gpu.avgUtilization() == null ? UNKNOWN : Units.number(gpu.avgUtilization(), 2) + "%")
                            + ", memory " + (gpu.maxMemoryUsedMb() == null
                                    ? UNKNOWN
                                    : size(gpu.maxMemoryUsedMb())
                                            + (gpu.memoryTotalMb() == null
                                                    ? ""
                                                    : " of " + size(gpu.memoryTotalMb())))));
        }
    }

    private static String share(@Nullable Double part, @Nullable Double whole) {
        return part == null || whole == null || whole <= 0 ? UNKNOWN : Units.number(100 * part / whole, 2) + "%";
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
