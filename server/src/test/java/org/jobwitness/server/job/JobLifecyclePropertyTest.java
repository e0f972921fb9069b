package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whatever order a life's events come in, and however often, its runs end up the same. */
class JobLifecyclePropertyTest {
    private static final Instant NOW = Words.time("+1d10:00");
    private static final int LIVES = 4_000;
    private static final int ORDERS = 5;

    @Test
    void anyOrderAndRepetitionComesToTheSameRuns() {
        for (long seed = 0; seed < LIVES; seed++) {
            RandomGenerator random = seeded(seed);
            RandomLife life = RandomLife.of(random);
            List<String> right = runsAfter(life.inOrder());
            for (int i = 0; i < ORDERS; i++) {
                List<Evidence> order = life.inAnotherOrder(random);
                if (!runsAfter(order).equals(right)) {
                    List<Evidence> least = life.names() == RandomLife.Names.NEITHER ? order : shrink(order, life);
                    assertThat(runsAfter(least)).as("seed %d, %s:\n%s\nwhich in the right order are\n%s\n", seed,
                            life.names(), text(least), text(inOrder(least, life)))
                            .isEqualTo(runsAfter(inOrder(least, life)));
                }
            }
        }
    }

    @Test
    void eachRunOfALifeIsOneRunAndNoEventLandsInAnother() {
        for (long seed = 0; seed < LIVES; seed++) {
            RandomGenerator random = seeded(seed);
            RandomLife life = RandomLife.of(random);
            RunsInMemory runs = new RunsInMemory();
            List<Evidence> order = life.inAnotherOrder(random);
            order.forEach(event -> runs.apply(event, NOW));

            assertThat(runs.runs()).as("seed %d:\n%s", seed, text(order)).hasSameSizeAs(life.runs());
            for (int i = 0; i < life.runs().size(); i++) {
                List<Evidence> events = life.runs().get(i);
                Run run = runs.runs().get(i);
                assertThat(run.attributes().nodes()).as("seed %d, run %d:\n%s", seed, i, text(order))
                        .containsExactlyInAnyOrderElementsOf(
                                events.stream().flatMap(event -> event.attributes().nodes().stream()).distinct()
                                        .toList());
                assertThat(runs.nodesOf(run).values().stream().filter(NodeAllocation::ended).map(NodeAllocation::node))
                        .as("seed %d, run %d:\n%s", seed, i, text(order))
                        .containsExactlyInAnyOrderElementsOf(events.stream().filter(Evidence.Ended.class::isInstance)
                                .filter(event -> event.onNode() != null).map(event -> event.onNode().node())
                                .toList());
                assertThat(run.startSeen()).as("seed %d, run %d:\n%s", seed, i, text(order))
                        .isEqualTo(events.stream().anyMatch(Evidence.Started.class::isInstance));
                assertThat(run.end().seen()).as("seed %d, run %d:\n%s", seed, i, text(order))
                        .isEqualTo(events.stream().anyMatch(Evidence.Ended.class::isInstance));
            }
        }
    }

    @Test
    void whatIsPrintedOfALifeIsACase() {
        for (long seed = 0; seed < 200; seed++) {
            for (Evidence event : RandomLife.of(seeded(seed)).inOrder()) {
                String line = EventLine.show(event);
                int space = line.indexOf(' ');
                assertThat(EventLine.show(EventLine.parse(line.substring(0, space), new Words(line.substring(space)))))
                        .isEqualTo(line);
            }
        }
    }

    private static RandomGenerator seeded(long seed) {
        return new SplittableRandom(seed);
    }

    /** The runs in all that must not depend on the order: not their keys, nor when they were recorded. */
    private static List<String> runsAfter(List<Evidence> events) {
        RunsInMemory runs = new RunsInMemory();
        events.forEach(event -> runs.apply(event, NOW));
        return runs.runs().stream().map(run -> RunLine.show(run, runs.nodesOf(run), RunLine.EVERYTHING) + " "
                + runs.nodesOf(run).values()).toList();
    }

    /** Leaves out events as long as the runs still depend on the order. */
    private static List<Evidence> shrink(List<Evidence> order, RandomLife life) {
        List<Evidence> least = order;
        for (int i = 0; i < least.size();) {
            List<Evidence> fewer = new ArrayList<>(least);
            fewer.remove(i);
            if (runsAfter(fewer).equals(runsAfter(inOrder(fewer, life)))) {
                i++;
            } else {
                least = fewer;
                i = 0;
            }
        }
        return least;
    }

    private static List<Evidence> inOrder(List<Evidence> some, RandomLife life) {
        return life.inOrder().stream().filter(some::contains).toList();
    }

    private static String text(List<Evidence> events) {
        Stream<String> lines = events.stream().map(event -> "  " + EventLine.show(event));
        return lines.collect(Collectors.joining("\n"));
    }
}
