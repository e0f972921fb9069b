package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.Booking.Share;

/** Some nodes and what is booked on them: the simulated scheduler, which gives each job the first place that is free. */
final class Floor {
    private final List<Machine> machines;
    private final List<Booking> booked = new ArrayList<>();

    Floor(List<Machine> machines) {
        this.machines = List.copyOf(machines);
    }

    /** When and where a job can run. */
    record Place(Instant start, List<Share> shares) {
    }

    void book(Booking booking) {
        booked.add(booking);
    }

    /** The earliest place, at once or when a job that runs now has ended. */
    Place place(Recipe recipe, Instant earliest, Duration duration) {
        return Stream.concat(Stream.of(earliest),
                booked.stream().map(Booking::end).filter(end -> end.isAfter(earliest)).sorted())
                .flatMap(start -> at(recipe, start, start.plus(duration)).stream()).findFirst()
                .orElseThrow(() -> new IllegalStateException("no node is large enough for " + recipe));
    }

    private Optional<Place> at(Recipe recipe, Instant start, Instant end) {
        List<Share> shares = machines.stream().filter(recipe.partition()::holds)
                .flatMap(machine -> share(machine, recipe, start, end).stream()).limit(recipe.nodes()).toList();
        return shares.size() == recipe.nodes() ? Optional.of(new Place(start, shares)) : Optional.empty();
    }

    private Optional<Share> share(Machine machine, Recipe recipe, Instant start, Instant end) {
        List<Booking> beside = booked.stream().filter(other -> other.overlaps(start, end))
                .filter(other -> other.nodes().contains(machine.name())).toList();
        // What is booked rises only where a booking begins.
        boolean fits = Stream.concat(Stream.of(start), beside.stream().map(Booking::start)).allMatch(moment -> {
            List<Booking> then = beside.stream().filter(other -> other.overlaps(moment, moment.plusNanos(1))).toList();
            return then.stream().mapToInt(other -> other.recipe().cpus()).sum() + recipe.cpus() <= machine.cpus()
                    && then.stream().mapToLong(other -> other.recipe().memoryMb()).sum()
                            + recipe.memoryMb() <= machine.memoryMb();
        });
        List<Integer> taken = beside.stream().flatMap(other -> other.shares().stream())
                .flatMap(share -> share.gpus().stream()).toList();
        List<Integer> gpus = IntStream.range(0, machine.gpus()).boxed().filter(gpu -> !taken.contains(gpu))
                .limit(recipe.gpus()).toList();
        return fits && gpus.size() == recipe.gpus() ? Optional.of(new Share(machine, gpus)) : Optional.empty();
    }
}
