package org.jobwitness.server.demo;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jobwitness.server.demo.SimRun.Allocation;

/**
 * What a job requests, and how it behaves.
 *
 * @param cpus, memoryMb, gpus on each of its nodes
 * @param usual how long it runs at most, unless its story is {@link Story#TIME_LIMIT}
 * @param reserved where it runs, so that it starts on time whatever else the cluster does; empty if it takes a free place
 */
record JobTemplate(Story story, String name, Partition partition, int nodes, int cpus, long memoryMb, int gpus,
        Duration usual, Duration limit, List<Allocation> reserved) {
    private static final int ARRAY_TASKS = 8;

    enum Partition {
        CPU,
        GPU,
        BIGMEM;

        /** The partition of a node; names of nodes start with the same letters. */
        static Partition of(String node) {
            return switch (node.charAt(0)) {
                case 'c' -> CPU;
                case 'g' -> GPU;
                default -> BIGMEM;
            };
        }

        /** As in slurm.conf. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    JobTemplate {
        reserved = List.copyOf(reserved);
        if (usual.compareTo(limit) > 0) {
            throw new IllegalArgumentException(name + " usually runs for " + usual + ", beyond its limit of " + limit);
        }
    }

    /** @param where its nodes, with their GPUs if it has any: {@code c09 c10}, {@code g04:0,1} */
    static JobTemplate on(String where, Story story, String name, int cpus, int memoryGb, Duration usual,
            Duration limit) {
        List<Allocation> allocations = Arrays.stream(where.split(" ")).map(JobTemplate::allocation).toList();
        return new JobTemplate(story, name, Partition.of(where), allocations.size(), cpus, (long) memoryGb << 10,
                allocations.getFirst().gpus().size(), usual, limit, allocations);
    }

    private static Allocation allocation(String nodeAndGpus) {
        List<String> parts = List.of(nodeAndGpus.split("[:,]"));
        return new Allocation(SimNode.named(parts.getFirst()), parts.stream().skip(1).map(Integer::valueOf).toList());
    }

    /** How many job ids it takes. */
    int jobs() {
        return story == Story.ARRAY ? ARRAY_TASKS : 1;
    }

    /** GPUs that Slurm counts on each node: a share of one is none. */
    int countedGpus() {
        return story.sharesGpu() ? 0 : gpus;
    }

    /** How long one of its runs takes: up to a tenth less than usual. */
    Duration duration(long... keys) {
        return story == Story.TIME_LIMIT
                ? limit
                : SeededRandom.seconds(usual.multipliedBy(9).dividedBy(10), usual, keys);
    }
}
