package org.jobwitness.server.demo;

import java.time.Duration;
import java.util.Locale;

/**
 * What a job requests, and how it behaves.
 *
 * @param cpus, memoryMb, gpus on each of its nodes
 * @param usual how long it runs at most, unless its story is {@link Story#TIME_LIMIT}
 */
record JobTemplate(Story story, String name, Partition partition, int nodes, int cpus, long memoryMb, int gpus,
        Duration usual, Duration limit) {

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
        if (usual.compareTo(limit) > 0) {
            throw new IllegalArgumentException(name + " usually runs for " + usual + ", beyond its limit of " + limit);
        }
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
