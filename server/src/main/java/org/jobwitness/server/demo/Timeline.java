package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;

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

    /** What the agents send of some runs at the ticks after {@code from} and up to {@code to}. */
    static Stream<Usage> usage(List<Booking> runs, Instant from, Instant to) {
        return runs.stream().flatMap(
                run -> run.shares().stream().flatMap(share -> new Load(run, share).sent(from, to).stream()));
    }

    /** What the agents of nodes that have some of these runs send at the ticks after {@code from} and up to {@code to}. */
    static List<Batch> batches(List<Booking> runs, Instant from, Instant to) {
        Map<Instant, Map<String, List<Usage>>> byTick = new TreeMap<>();
        usage(runs, from, to).forEach(use -> byTick.computeIfAbsent(use.tick(), _ -> new TreeMap<>())
                .computeIfAbsent(use.node(), _ -> new ArrayList<>()).add(use));
        List<Batch> batches = new ArrayList<>();
        byTick.forEach((tick, byNode) -> byNode
                .forEach((node, uses) -> batches.add(batch(Machine.named(node), tick, uses))));
        return batches;
    }

    /** What the agents of all nodes that are up send at a tick, if they have these runs. */
    List<Batch> batchesOfAll(List<Booking> runs, Instant tick) {
        Map<String, List<Usage>> byNode = usage(runs, tick.minus(Ticks.APART), tick)
                .collect(Collectors.groupingBy(Usage::node));
        Set<String> down = down(tick);
        return Machine.ALL.stream().filter(machine -> !down.contains(machine.name()))
                .map(machine -> batch(machine, tick, byNode.getOrDefault(machine.name(), List.of()))).toList();
    }

    /**
     * One agent's batch. Its number is the tick's, so whatever is told again is told under the number that it had; and
     * numbers follow each other, which keeps short what the server remembers of them.
     */
    private static Batch batch(Machine machine, Instant tick, List<Usage> uses) {
        List<JobReading> jobs = new ArrayList<>(uses.size());
        List<GpuReading> gpus = new ArrayList<>();
        for (Usage use : uses) {
            jobs.add(use.reading());
            gpus.addAll(use.gpus());
        }
        Set<String> held = gpus.stream().map(GpuReading::gpu).collect(Collectors.toSet());
        IntStream.range(0, machine.gpus()).mapToObj(index -> new Gpu(machine, index))
                .filter(gpu -> !held.contains(gpu.name())).map(gpu -> gpu.free(tick)).forEach(gpus::add);
        return new Batch(Batch.VERSION, Telling.CLUSTER, machine.name(), Telling.CLUSTER, Ticks.number(tick), tick,
                (int) Ticks.APART.toMillis(), null, figures(machine, tick, uses), jobs, gpus);
    }

    /** What the jobs that run at the tick use, added up. */
    private static NodeFigures figures(Machine machine, Instant tick, List<Usage> uses) {
        double busyCpus = 0;
        double busyGpus = 0;
        long memoryBytes = 0;
        for (Usage use : uses) {
            if (use.at().equals(tick)) {
                busyCpus += use.busyCpus();
                busyGpus += use.busyGpus();
                memoryBytes += use.memoryBytes();
            }
        }
        return new NodeFigures(machine.cpus(), machine.memoryMb() << 20, machine.gpus(),
                Math.min(100, 100 * busyCpus / machine.cpus()), memoryBytes,
                machine.gpus() == 0 ? null : Double.valueOf(Math.min(100, 100 * busyGpus / machine.gpus())), busyCpus);
    }

    /** All runs of which some part lies between two moments. */
    private List<Booking> all(Instant from, Instant to) {
        return Stream.concat(background(from, to).stream(), live(from, to).stream()).toList();
    }

    /** What the scheduler says of all nodes at a tick. */
    List<NodeReading> states(Instant tick) {
        List<Booking> running = all(tick.minusSeconds(1), tick).stream()
                .filter(run -> run.start().isBefore(tick) && !run.end().isBefore(tick)).toList();
        Set<String> down = down(tick);
        return Machine.ALL.stream().map(machine -> NodeReading.builder(Telling.CLUSTER, machine.name(), tick)
                .state(down.contains(machine.name()) ? NodeReading.State.DOWN : state(machine, tick, running), null)
                .build()).toList();
    }

    private NodeReading.State state(Machine machine, Instant tick, List<Booking> running) {
        if (machine.name().equals(Background.DRAINED_NODE) && tick.isAfter(background.drainedFrom())) {
            return NodeReading.State.DRAINED;
        }
        int allocated = running.stream().filter(run -> run.nodes().contains(machine.name()))
                .mapToInt(run -> run.recipe().cpus()).sum();
        return allocated == 0
                ? NodeReading.State.IDLE
                : allocated < machine.cpus() ? NodeReading.State.MIXED : NodeReading.State.ALLOCATED;
    }

    /** The nodes that have failed below a run, and are not back. */
    private Set<String> down(Instant tick) {
        return all(tick.minus(LONGEST_OUTAGE), tick).stream()
                .filter(run -> run.ending() == Ending.NODE_FAILURE && run.end().isBefore(tick)
                        && !run.end().plus(outage(run)).isBefore(tick))
                .flatMap(run -> run.nodes().stream()).collect(Collectors.toSet());
    }

    /** So long a node is down that failed below a run. */
    private static Duration outage(Booking run) {
        return run.duration().compareTo(LONGEST_OUTAGE) < 0 ? run.duration() : LONGEST_OUTAGE;
    }
}
