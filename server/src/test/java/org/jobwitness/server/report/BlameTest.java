package org.jobwitness.server.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jobwitness.server.report.Blame.Place;
import org.jobwitness.server.report.Blame.Tally;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where more fails than chance explains. */
class BlameTest {
    private final Map<Place, List<Tally>> places = new LinkedHashMap<>();

    /** 16 nodes, on each of which 8 of 20 users were on 5 days, with a failure on one day of 50. */
    @BeforeEach
    void usualMonth() {
        int turn = 0;
        for (int node = 0; node < 16; node++) {
            for (int user = 0; user < 8; user++) {
                add(node, "u" + (node * 7 + user) % 20, 5, turn++ % 10 == 0 ? 1 : 0);
            }
        }
    }

    private void add(int node, String user, int trials, int failures) {
        places.computeIfAbsent(new Place("c", "n" + node, null), _ -> new ArrayList<>())
                .add(new Tally(user, trials, failures, trials, failures));
    }

    private List<String> named() {
        return Blame.of(places).stream().map(named -> named.place().node()).toList();
    }

    @Test
    void aUsualMonthBlamesNobody() {
        assertThat(named()).isEmpty();
    }

    @Test
    void threeJobsOfThreeUsersAreEnough() {
        for (String user : List.of("new1", "new2", "new3")) {
            add(16, user, 1, 1);
        }
        assertThat(named()).containsExactly("n16");
        Blame.Named named = Blame.of(places).getFirst();
        assertThat(named.failures()).isEqualTo(3);
        assertThat(named.expected()).isLessThan(0.1);
        assertThat(named.chance()).isLessThan(0.0001);
    }

    @Test
    void oneUserBlamesNoNodeHoweverManyJobsFail() {
        add(7, "broken", 30, 30);
        add(7, "u3", 5, 1);
        assertThat(named()).isEmpty();
    }

    @Test
    void usersWhoseJobsFailEverywhereBlameNoNode() {
        for (int node = 0; node < 16; node++) {
            add(node, "bad1", 3, node % 4 == 0 ? 2 : 3);
            add(node, "bad2", 3, 3);
            add(node, "bad3", 3, 3);
        }
        assertThat(named()).isEmpty();
    }

    @Test
    void twoUsersOfWhomOneIsAloneAndBrokenBlameNoNode() {
        add(9, "broken", 9, 9);
        add(9, "unlucky", 6, 1);
        assertThat(named()).isEmpty();
    }

    /** By enumeration of all 2^6 ends of trials with unlike chances. */
    @Test
    void theChanceIsExact() {
        places.clear();
        add(1, "a", 2, 1);
        add(1, "b", 3, 2);
        add(1, "c", 1, 1);
        add(2, "a", 10, 1);
        add(2, "b", 40, 1);
        add(3, "c", 5, 0);
        for (int node = 4; node < 40; node++) {
            add(node, "d" + node, 20, 0);
        }
        double usual = 2.5 / (10 + 40 + 5 + 36 * 20 + 1);
        double[] chances = {(1 + 2 * usual) / 12, (1 + 2 * usual) / 12, (1 + 2 * usual) / 42, (1 + 2 * usual) / 42,
                (1 + 2 * usual) / 42, 2 * usual / 7};
        double expected = 0;
        for (int end = 0; end < 64; end++) {
            double chance = 1;
            for (int trial = 0; trial < 6; trial++) {
                chance *= (end >> trial & 1) == 1 ? chances[trial] : 1 - chances[trial];
            }
            expected += Integer.bitCount(end) >= 4 ? chance : 0;
        }
        assertThat(Blame.of(places)).singleElement().satisfies(named -> {
            assertThat(named.place().node()).isEqualTo("n1");
            assertThat(named.failures()).isEqualTo(4);
        });
        assertThat(Blame.of(places).getFirst().chance()).isCloseTo(expected, within(expected * 1e-9));
    }

    /** Months of 60 nodes and users of very unlike rates, without a fault: hardly any node is named. */
    @Test
    void chanceAloneHardlyNamesAnyNode() {
        Random random = new Random(25);
        int named = 0;
        for (int month = 0; month < 100; month++) {
            places.clear();
            double[] rates = random.doubles(40).map(any -> any * any * any * 0.5).toArray();
            for (int node = 0; node < 60; node++) {
                for (int user = 0; user < 40; user++) {
                    if (random.nextInt(4) == 0) {
                        int trials = 1 + random.nextInt(6);
                        int failures = 0;
                        for (int trial = 0; trial < trials; trial++) {
                            failures += random.nextDouble() < rates[user] ? 1 : 0;
                        }
                        add(node, "u" + user, trials, failures);
                    }
                }
            }
            named += named().isEmpty() ? 0 : 1;
        }
        assertThat(named).as("months of 100 with a node named without a fault").isLessThanOrEqualTo(3);
    }
}
