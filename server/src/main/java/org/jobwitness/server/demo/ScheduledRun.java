package org.jobwitness.server.demo;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jobwitness.server.demo.JobTemplate.Partition;
import org.jobwitness.server.demo.SimRun.Allocation;

/** A job on nodes that are reserved for it, so that it starts on time whatever else the cluster does. */
record ScheduledRun(JobTemplate template, List<Allocation> allocations) {
    static final int TASKS = 8;

    ScheduledRun {
        allocations = List.copyOf(allocations);
    }

    /** @param where its nodes, with their GPUs if it has any: {@code c09 c10}, {@code g04:0,1} */
    static ScheduledRun of(Story story, String name, String where, int cpus, int memoryGb, Duration usual,
            Duration limit) {
        List<Allocation> allocations = Arrays.stream(where.split(" ")).map(ScheduledRun::allocation).toList();
        return new ScheduledRun(new JobTemplate(story, name, Partition.of(where), allocations.size(), cpus,
                (long) memoryGb << 10, allocations.getFirst().gpus().size(), usual, limit), allocations);
    }

    private static Allocation allocation(String nodeAndGpus) {
        List<String> parts = List.of(nodeAndGpus.split("[:,]"));
        return new Allocation(SimNode.named(parts.getFirst()),
                parts.stream().skip(1).map(Integer::valueOf).toList());
    }

    /** How many job ids it takes. */
    int jobs() {
        return template.story() == Story.ARRAY ? TASKS : 1;
    }
}
