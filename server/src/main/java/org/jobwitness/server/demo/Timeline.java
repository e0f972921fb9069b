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
import java.util.stream.Stream;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.NodeFigures;

/**
 * What the simulated cluster reports, and when: a pure function of a seed, an epoch and the days of history before it, cheap
 * for any span of time. {@link #background} lasts for ever; {@link #live} runs while the server does.
 */
final class Timeline {
    static final String CLUSTER = "demo";
    private static final Duration MAX_NODE_OUTAGE = Duration.ofMinutes(40);

    private final Planner planner;

    Timeline(long seed, Instant epoch, int days) {
        // Slurm's times are whole seconds.
        this.planner = new Planner(seed, epoch.truncatedTo(ChronoUnit.SECONDS), days);
    }

    /** When the history begins. */
    Instant begin() {
        return planner.begin();
    }

    /** Background runs with their last report after {@code from} and their submission up to {@code to}. */
    List<SimRun> background(Instant from, Instant to) {
        return reporting(planner.background(from, to), from, to);
    }

    /** Live runs, likewise. */
    List<SimRun> live(Instant from, Instant to) {
        return reporting(planner.live(from, to), from, to);
    }

    private static List<SimRun> reporting(List<SimRun> runs, Instant from, Instant to) {
        return runs.stream().filter(run -> run.lastReport().isAfter(from) && !run.submit().isAfter(to)).toList();
    }

    private List<SimRun> all(Instant from, Instant to) {
        return Stream.concat(background(from, to).stream(), live(from, to).stream()).toList();
    }

    /** Events of some runs after {@code from} and up to {@code to}, in the order of time. */
    static List<SimEvent> events(List<SimRun> runs, Instant from, Instant to) {
        return runs.stream().flatMap(run -> new EventPlan(run).between(from, to).stream())
                .sorted(Comparator.comparing(SimEvent::at)).toList();
    }

    /** When the next event happens, a tick at the latest. */
    Instant nextAfter(Instant moment) {
        Instant tick = Ticks.after(moment);
        return all(moment, tick).stream().flatMap(run -> new EventPlan(run).moments())
                .filter(next -> next.isAfter(moment) && next.isBefore(tick)).min(Comparator.naturalOrder())
                .orElse(tick);
    }

    /** What agents read of some runs, by the ticks after {@code from} and up to {@code to} at which they send it. */
    static Stream<Usage> usage(List<SimRun> runs, Instant from, Instant to) {
        return runs.stream().flatMap(run -> run.allocations().stream()
                .flatMap(allocation -> new UsageModel(run, allocation).sent(from, to).stream()));
    }

    /** Batches of the nodes that have some of these runs, at the ticks after {@code from} and up to {@code to}. */
    static List<Batch> batches(List<SimRun> runs, Instant from, Instant to) {
        Map<Instant, Map<String, List<Usage>>> byTick = usage(runs, from, to).collect(Collectors.groupingBy(Usage::tick,
                TreeMap::new, Collectors.groupingBy(Usage::node, TreeMap::new, Collectors.toList())));
        List<Batch> batches = new ArrayList<>();
        byTick.forEach((tick, byNode) -> byNode
                .forEach((node, uses) -> batches.add(batch(SimNode.named(node), tick, uses))));
        return batches;
    }

    /** Batches of all nodes that are up at a tick, if they have these runs. */
    List<Batch> batchesOfAll(List<SimRun> runs, Instant tick) {
        Map<String, List<Usage>> byNode = usage(runs, tick.minus(Ticks.INTERVAL), tick)
                .collect(Collectors.groupingBy(Usage::node));
        Set<String> down = down(tick);
        return SimNode.ALL.stream().filter(node -> !down.contains(node.name()))
                .map(node -> batch(node, tick, byNode.getOrDefault(node.name(), List.of()))).toList();
    }

    /** Its number is the tick's, so a batch that is sent again has the same number, and numbers follow each other. */
    private static Batch batch(SimNode node, Instant tick, List<Usage> uses) {
        List<JobReading> jobs = uses.stream().map(Usage::reading).toList();
        List<GpuReading> gpus = new ArrayList<>(uses.stream().flatMap(use -> use.gpus().stream()).toList());
        Set<String> allocated = gpus.stream().map(GpuReading::gpu).collect(Collectors.toSet());
        node.allGpus().stream().filter(gpu -> !allocated.contains(gpu.name())).map(gpu -> gpu.free(tick))
                .forEach(gpus::add);
        return new Batch(Batch.VERSION, CLUSTER, node.name(), CLUSTER, Ticks.number(tick), tick,
                (int) Ticks.INTERVAL.toMillis(), null, figures(node, tick, uses), jobs, gpus);
    }

    /** The sums of the runs that go on at the tick. */
    private static NodeFigures figures(SimNode node, Instant tick, List<Usage> uses) {
        List<Usage> now = uses.stream().filter(use -> use.at().equals(tick)).toList();
        double busyCpus = now.stream().mapToDouble(Usage::busyCpus).sum();
        double busyGpus = now.stream().mapToDouble(Usage::busyGpus).sum();
        return new NodeFigures(node.cpus(), node.memoryMb() << 20, node.gpus(),
                Math.min(100, 100 * busyCpus / node.cpus()), now.stream().mapToLong(Usage::memoryBytes).sum(),
                node.gpus() == 0 ? null : Double.valueOf(Math.min(100, 100 * busyGpus / node.gpus())), busyCpus);
    }

    /** What the scheduler reports of all nodes at a tick. */
    List<NodeReading> states(Instant tick) {
        List<SimRun> running = all(tick.minusSeconds(1), tick).stream()
                .filter(run -> run.start().isBefore(tick) && !run.end().isBefore(tick)).toList();
        Set<String> down = down(tick);
        return SimNode.ALL.stream().map(node -> NodeReading.builder(CLUSTER, node.name(), tick)
                .state(down.contains(node.name()) ? NodeReading.State.DOWN : state(node, tick, running), null)
                .build()).toList();
    }

    private NodeReading.State state(SimNode node, Instant tick, List<SimRun> running) {
        if (node.name().equals(Planner.DRAINED_NODE) && tick.isAfter(planner.drainedFrom())) {
            return NodeReading.State.DRAINED;
        }
        int allocated = running.stream().filter(run -> run.nodes().contains(node.name()))
                .mapToInt(run -> run.template().cpus()).sum();
        if (allocated == 0) {
            return NodeReading.State.IDLE;
        }
        return allocated < node.cpus() ? NodeReading.State.MIXED : NodeReading.State.ALLOCATED;
    }

    /** The nodes that have failed under a run and are not back. */
    private Set<String> down(Instant tick) {
        return all(tick.minus(MAX_NODE_OUTAGE), tick).stream()
                .filter(run -> run.ending() == Ending.NODE_FAILURE && run.end().isBefore(tick)
                        && !run.end().plus(outage(run)).isBefore(tick))
                .flatMap(run -> run.nodes().stream()).collect(Collectors.toSet());
    }

    /** How long the node of a run is down that failed under it. */
    private static Duration outage(SimRun run) {
        return run.duration().compareTo(MAX_NODE_OUTAGE) < 0 ? run.duration() : MAX_NODE_OUTAGE;
    }
}
