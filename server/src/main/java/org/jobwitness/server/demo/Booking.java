package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of a job with its place and time.
 *
 * @param restarts how often the job had been requeued before this run
 * @param array the array that the job is a task of; null if none
 * @param waitsFor Slurm's word for why it did not start at once
 * @param shares its nodes, in Slurm's order
 */
record Booking(long jobId, Recipe recipe, User user, int restarts, @Nullable Task array, Instant submit,
        String waitsFor, Instant start, Instant end, List<Share> shares) {

    /** One task of a job array. */
    record Task(long arrayJobId, int index) {
    }

    /** What the run has on one node; its CPUs and memory there are the recipe's. */
    record Share(Machine machine, List<Integer> gpus) {
        Share {
            gpus = List.copyOf(gpus);
        }

        List<Gpu> gpuDevices() {
            return gpus.stream().map(index -> new Gpu(machine, index)).toList();
        }

        List<String> gpuNames() {
            return gpuDevices().stream().map(Gpu::name).toList();
        }
    }

    Booking {
        shares = List.copyOf(shares);
        if (submit.isAfter(start) || !start.isBefore(end)) {
            throw new IllegalArgumentException("job " + jobId + " runs from " + start + " to " + end);
        }
    }

    String id() {
        return String.valueOf(jobId);
    }

    Ending ending() {
        return recipe.story().ending(restarts, array == null ? 0 : array.index());
    }

    Instant deadline() {
        return start.plus(recipe.limit());
    }

    Duration duration() {
        return Duration.between(start, end);
    }

    List<String> nodes() {
        return shares.stream().map(share -> share.machine().name()).toList();
    }

    /** As Slurm writes it. */
    String cpusPerNode() {
        return shares.size() == 1 ? String.valueOf(recipe.cpus()) : recipe.cpus() + "(x" + shares.size() + ")";
    }

    boolean overlaps(Instant from, Instant to) {
        return start.isBefore(to) && end.isAfter(from);
    }
}
