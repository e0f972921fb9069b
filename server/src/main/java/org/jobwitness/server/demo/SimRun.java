package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of a job, with its place and time.
 *
 * @param restarts how often the job was requeued before this run
 * @param task null for a job that is not part of an array
 * @param waitReason Slurm's reason why it did not start at once
 * @param allocations its nodes, in Slurm's order
 */
record SimRun(long jobId, JobTemplate template, User user, int restarts, @Nullable Task task, Instant submit,
        String waitReason, Instant start, Instant end, List<Allocation> allocations) {
    /** The scheduler is polled, so it reports an end a little after the epilogs. */
    private static final Duration SCHEDULER_DELAY = Duration.ofSeconds(5);

    /** One task of a job array. */
    record Task(long arrayJobId, int index) {
    }

    /** What the run has on one node; its CPUs and memory there are in the template. */
    record Allocation(SimNode node, List<Integer> gpus) {
        Allocation {
            gpus = List.copyOf(gpus);
        }

        List<Gpu> gpuDevices() {
            return gpus.stream().map(index -> new Gpu(node, index)).toList();
        }
    }

    SimRun {
        allocations = List.copyOf(allocations);
        if (submit.isAfter(start) || !start.isBefore(end)) {
            throw new IllegalArgumentException("job " + jobId + " runs from " + start + " to " + end);
        }
    }

    String id() {
        return String.valueOf(jobId);
    }

    Ending ending() {
        return template.story().ending(restarts, task == null ? 0 : task.index());
    }

    /** When the scheduler reports its end, after which nothing is reported. */
    Instant lastReport() {
        return end.plus(SCHEDULER_DELAY);
    }

    Instant deadline() {
        return start.plus(template.limit());
    }

    Duration duration() {
        return Duration.between(start, end);
    }

    List<String> nodes() {
        return allocations.stream().map(allocation -> allocation.node().name()).toList();
    }

    /** Below the cgroup root of its nodes. */
    String cgroup() {
        return "system.slice/slurmstepd.scope/job_" + jobId;
    }

    boolean overlaps(Instant from, Instant to) {
        return start.isBefore(to) && end.isAfter(from);
    }
}
