package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.JobTemplate.Partition;
import org.jobwitness.server.demo.SimRun.Allocation;

/** The simulated scheduler: gives each job the first free place on some nodes. */
final class Placement {
    private final List<SimNode> nodes;
    private final List<SimRun> placed = new ArrayList<>();

    Placement(List<SimNode> nodes) {
        this.nodes = List.copyOf(nodes);
    }

    /** When and where a job can run. */
    record Place(Instant start, List<Allocation> allocations) {
    }

    void add(SimRun run) {
        placed.add(run);
    }

    /** The earliest place, at once or when a run has ended. */
    Place find(JobTemplate template, Instant earliest, Duration duration) {
        return Stream
                .concat(Stream.of(earliest),
                        placed.stream().map(SimRun::end).filter(end -> end.isAfter(earliest)).sorted())
                .flatMap(start -> at(template, start, start.plus(duration)).stream()).findFirst()
                .orElseThrow(() -> new IllegalStateException("no node is large enough for " + template));
    }

    private Optional<Place> at(JobTemplate template, Instant start, Instant end) {
        List<Allocation> allocations = nodes.stream()
                .filter(node -> Partition.of(node.name()) == template.partition())
                .flatMap(node -> on(node, template, start, end).stream()).limit(template.nodes()).toList();
        return allocations.size() == template.nodes() ? Optional.of(new Place(start, allocations)) : Optional.empty();
    }

    private Optional<Allocation> on(SimNode node, JobTemplate template, Instant start, Instant end) {
        List<SimRun> others = placed.stream()
                .filter(run -> run.overlaps(start, end) && run.nodes().contains(node.name())).toList();
        // Use rises only where a run starts.
        boolean fits = Stream.concat(Stream.of(start), others.stream().map(SimRun::start)).allMatch(moment -> {
            List<JobTemplate> then = others.stream().filter(run -> run.overlaps(moment, moment.plusNanos(1)))
                    .map(SimRun::template).toList();
            return then.stream().mapToInt(JobTemplate::cpus).sum() + template.cpus() <= node.cpus()
                    && then.stream().mapToLong(JobTemplate::memoryMb).sum() + template.memoryMb() <= node.memoryMb();
        });
        List<Integer> taken = others.stream().flatMap(run -> run.allocations().stream())
                .flatMap(allocation -> allocation.gpus().stream()).toList();
        List<Integer> gpus = IntStream.range(0, node.gpus()).boxed().filter(gpu -> !taken.contains(gpu))
                .limit(template.gpus()).toList();
        return fits && gpus.size() == template.gpus()
                ? Optional.of(new Allocation(node, gpus))
                : Optional.empty();
    }
}
