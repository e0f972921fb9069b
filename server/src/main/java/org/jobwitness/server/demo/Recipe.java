package org.jobwitness.server.demo;

import java.time.Duration;

/**
 * What a job asks for, and how it behaves.
 *
 * @param nodes how many nodes it runs on
 * @param cpus, memoryMb, gpus on each of them
 * @param usual how long it runs, give or take; a {@link Story#TIME_LIMIT} runs into its limit instead
 */
record Recipe(Story story, String name, Partition partition, int nodes, int cpus, long memoryMb, int gpus,
        Duration usual, Duration limit) {

    /** Groups of nodes that jobs are sent to. */
    enum Partition {
        CPU("c"),
        GPU("g"),
        BIGMEM("m");

        private final String prefix;

        Partition(String prefix) {
            this.prefix = prefix;
        }

        boolean holds(Machine machine) {
            return machine.name().startsWith(prefix);
        }
    }

    Recipe {
        if (usual.compareTo(limit) > 0) {
            throw new IllegalArgumentException(name + " usually runs for " + usual + ", beyond its limit of " + limit);
        }
    }

    static Recipe cpu(Story story, String name, int nodes, int cpus, int memoryGb, Duration usual, Duration limit) {
        return new Recipe(story, name, Partition.CPU, nodes, cpus, (long) memoryGb << 10, 0, usual, limit);
    }

    static Recipe gpu(Story story, String name, int gpus, int cpus, int memoryGb, Duration usual, Duration limit) {
        return new Recipe(story, name, Partition.GPU, 1, cpus, (long) memoryGb << 10, gpus, usual, limit);
    }

    static Recipe bigMemory(Story story, String name, int cpus, int memoryGb, Duration usual, Duration limit) {
        return new Recipe(story, name, Partition.BIGMEM, 1, cpus, (long) memoryGb << 10, 0, usual, limit);
    }

    /** GPUs that Slurm counts for it on each node: a share of one is none. */
    int countedGpus() {
        return story == Story.GPU_SHARD ? 0 : gpus;
    }

    /** How long one of its jobs really runs: up to a tenth less than usual. */
    Duration duration(long... names) {
        return story == Story.TIME_LIMIT
                ? limit
                : Dice.seconds(usual.multipliedBy(9).dividedBy(10), usual, names);
    }
}
