package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What happens on the simulated cluster, and when: a pure function of a seed and an epoch, cheap for any stretch of time.
 * {@link #background} lasts for ever and is told whether anybody listened or not; {@link #live} plays while somebody does.
 */
final class Timeline {
    private static final Duration LONGEST_OUTAGE = Duration.ofMinutes(40);

    private final Background background;
    private final Live live;

    private Timeline(long seed, Instant epoch) {
        this.background = new Background(seed, epoch);
        this.live = new Live(seed, epoch);
    }

    /** Times are whole seconds, as Slurm's. */
    static Timeline of(long seed, Instant epoch) {
        return new Timeline(seed, epoch.truncatedTo(ChronoUnit.SECONDS));
    }

    /** When the history begins. */
    Instant begin() {
        return background.begin();
    }

    /** Runs of the ordinary life, by their last word after {@code from} and their submit up to {@code to}. */
    List<Booking> background(Instant from, Instant to) {
        return tellingBetween(background.during(from, to), from, to);
    }

    /** Runs of the show, likewise. */
    List<Booking> live(Instant from, Instant to) {
        return tellingBetween(live.during(from, to), from, to);
    }

    private static List<Booking> tellingBetween(List<Booking> runs, Instant from, Instant to) {
        return runs.stream().filter(run -> Telling.lastWord(run).isAfter(from) && !run.submit().isAfter(to)).toList();
    }

    /** What is told of some runs after {@code from} and up to {@code to}, in the order of time. */
    static List<Happening> happenings(List<Booking> runs, Instant from, Instant to) {
        return runs.stream().flatMap(run -> new Telling(run).between(from, to).stream())
                .sorted(Comparator.comparing(Happening::at)).toList();
    }

    /** When next something happens, a tick at the latest. */
    Instant nextAfter(Instant moment) {
        Instant tick = Ticks.last(moment).plus(Ticks.APART);
        return all(moment, tick).stream().flatMap(run -> new Telling(run).moments())
                .filter(next -> next.isAfter(moment) && next.isBefore(tick)).min(Comparator.naturalOrder())
                .orElse(tick);
    }

    /** What some runs used at the ticks after {@code from} and up to {@code to}. */
    static Stream<Usage> usage(List<Booking> runs, Instant from, Instant to) {
        return runs.stream().flatMap(run -> run.shares().stream().flatMap(share -> {
            Load load = new Load(run, share);
            return Ticks.between(later(from, run.start()), earlier(to, run.end())).map(load::at);
        }));
    }

    private static Instant later(Instant a, Instant b) {
        return a.isAfter(b) ? a : b;
    }

    private static Instant earlier(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }

    /** All runs of which some part lies between two moments. */
    private List<Booking> all(Instant from, Instant to) {
        return Stream.concat(background(from, to).stream(), live(from, to).stream()).toList();
    }

    /** How all nodes are at a tick: what their jobs use, added up. */
    List<NodeReading> nodesAt(Instant tick) {
        List<Booking> lately = all(tick.minus(LONGEST_OUTAGE), tick);
        List<Usage> usage = usage(lately, tick.minus(Ticks.APART), tick).toList();
        return Machine.ALL.stream().map(machine -> {
            boolean failed = lately.stream().anyMatch(run -> run.nodes().contains(machine.name())
                    && run.ending() == Ending.NODE_FAILURE && run.end().isBefore(tick)
                    && !run.end().plus(outage(run)).isBefore(tick));
            boolean drained = machine.name().equals(Background.DRAINED_NODE)
                    && tick.isAfter(background.drainedFrom());
            List<Usage> here = usage.stream().filter(use -> use.node().equals(machine.name())).toList();
            return reading(machine, tick, failed, drained, here);
        }).toList();
    }

    /** So long a node is down that failed below a run. */
    private static Duration outage(Booking run) {
        return run.duration().compareTo(LONGEST_OUTAGE) < 0 ? run.duration() : LONGEST_OUTAGE;
    }

    private static NodeReading reading(Machine machine, Instant tick, boolean failed, boolean drained,
            List<Usage> here) {
        int allocated = here.stream().mapToInt(use -> use.run().recipe().cpus()).sum();
        NodeReading.State state = failed
                ? NodeReading.State.DOWN
                : drained
                        ? NodeReading.State.DRAINED
                        : allocated == 0
                                ? NodeReading.State.IDLE
                                : allocated < machine.cpus() ? NodeReading.State.MIXED : NodeReading.State.ALLOCATED;
        double busyCpus = here.stream().mapToDouble(Usage::busyCpus).sum();
        return new NodeReading(Telling.CLUSTER, machine.name(), tick, Ticks.APART, state, machine.cpus(),
                machine.memoryMb() << 20, machine.gpus(), 100 * busyCpus / machine.cpus(),
                here.stream().mapToLong(Usage::memoryBytes).sum(), gpuPercent(machine, here), busyCpus);
    }

    private static @Nullable Double gpuPercent(Machine machine, List<Usage> here) {
        return machine.vendor() == GpuVendor.NONE
                ? null
                : 100 * here.stream().mapToDouble(Usage::busyGpus).sum() / machine.gpus();
    }
}
