package org.jobwitness.server.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Decides where more fails than chance explains: a pure function.
 *
 * <p>A trial is a user with a day at a place; it fails if any run of the user failed there on that day, so that an array counts once.
 * The chance of a trial to fail is the user's rate elsewhere, drawn towards the rate of all trials elsewhere with the weight of {@link
 * #PRIOR_TRIALS}, so that who fails everywhere blames no place, and who is seen at one place only counts like anybody. How likely as
 * many failures or more are is then exact (the sum of independent trials of unlike chance). Of all places, those are named that pass
 * Benjamini and Hochberg's procedure at {@link #FALSE_SHARE}, and would still be unlikely without any one of their users: a user's
 * trials of different days are not independent.
 */
final class Blame {
    /** Of the places that are named, the share that is expected to be named by chance. */
    static final double FALSE_SHARE = 0.01;
    static final int MIN_FAILURES = 3;
    private static final double PRIOR_TRIALS = 2;
    /** How unlikely the failures of the others must be, whichever user is left out. */
    private static final double WITHOUT_ANY_USER = 0.05;

    private Blame() {
    }

    /** A node, or a GPU of it. */
    record Place(String cluster, String node, @Nullable String gpu) {
    }

    /**
     * What became of the runs of one user at one place.
     *
     * @param trials days on which runs of the user ended there; on {@code failures} of them, one had failed
     */
    record Tally(String user, long runs, long failedRuns, int trials, int failures) {
    }

    /** A place that is named. */
    record Named(Place place, List<Tally> tallies, double expected, double chance) {
        Named {
            tallies = List.copyOf(tallies);
        }

        long failures() {
            return tallies.stream().mapToLong(Tally::failures).sum();
        }
    }

    /** Trials, and those of them that failed. */
    private record Rate(double trials, double failures) {
        Rate plus(Tally tally) {
            return new Rate(trials + tally.trials(), failures + tally.failures());
        }

        Rate without(List<Tally> tallies) {
            return new Rate(trials - tallies.stream().mapToInt(Tally::trials).sum(),
                    failures - tallies.stream().mapToInt(Tally::failures).sum());
        }
    }

    /** A tally and the chance of each of its trials to fail. */
    private record Expected(Tally tally, double chance) {
    }

    /** Those to be named, the least likely first. */
    static List<Named> of(Map<Place, List<Tally>> places) {
        Map<String, Rate> byUser = new HashMap<>();
        Rate all = new Rate(0, 0);
        for (List<Tally> tallies : places.values()) {
            for (Tally tally : tallies) {
                byUser.put(tally.user(), byUser.getOrDefault(tally.user(), new Rate(0, 0)).plus(tally));
                all = all.plus(tally);
            }
        }
        Map<Named, List<Expected>> candidates = new LinkedHashMap<>();
        for (Map.Entry<Place, List<Tally>> place : places.entrySet()) {
            if (mayBeNamed(place.getValue())) {
                List<Expected> expected = expected(place.getValue(), byUser, all);
                candidates.put(new Named(place.getKey(), place.getValue(),
                        expected.stream().mapToDouble(each -> each.tally().trials() * each.chance()).sum(),
                        chance(expected)), expected);
            }
        }
        return unlikely(candidates.keySet().stream().sorted(Comparator.comparingDouble(Named::chance)).toList(),
                places.size()).stream()
                .filter(named -> isUnlikelyWithoutAnyUser(Objects.requireNonNull(candidates.get(named)))).toList();
    }

    private static boolean mayBeNamed(List<Tally> tallies) {
        return tallies.stream().mapToInt(Tally::failures).sum() >= MIN_FAILURES
                && tallies.stream().filter(tally -> tally.failures() > 0).count() > 1;
    }

    private static List<Expected> expected(List<Tally> tallies, Map<String, Rate> byUser, Rate all) {
        Rate elsewhere = all.without(tallies);
        double usual = (elsewhere.failures() + 0.5) / (elsewhere.trials() + 1);
        return tallies.stream().map(tally -> {
            Rate own = Objects.requireNonNull(byUser.get(tally.user())).without(List.of(tally));
            return new Expected(tally, (own.failures() + PRIOR_TRIALS * usual) / (own.trials() + PRIOR_TRIALS));
        }).toList();
    }

    /** Of as many failures or more; added up from small numbers, so that it is exact however small. */
    private static double chance(List<Expected> trials) {
        int failures = trials.stream().mapToInt(each -> each.tally().failures()).sum();
        double[] of = new double[failures + 1];
        of[0] = 1;
        for (Expected each : trials) {
            for (int trial = 0; trial < each.tally().trials(); trial++) {
                of[failures] += failures == 0 ? 0 : of[failures - 1] * each.chance();
                for (int count = failures - 1; count >= 0; count--) {
                    of[count] = of[count] * (1 - each.chance()) + (count == 0 ? 0 : of[count - 1] * each.chance());
                }
            }
        }
        return of[failures];
    }

    /** By Benjamini and Hochberg: the largest number of places of which the last is unlikely enough for that number. */
    private static List<Named> unlikely(List<Named> sorted, int places) {
        int count = 0;
        for (int place = 1; place <= sorted.size(); place++) {
            if (sorted.get(place - 1).chance() <= FALSE_SHARE * place / places) {
                count = place;
            }
        }
        return sorted.subList(0, count);
    }

    private static boolean isUnlikelyWithoutAnyUser(List<Expected> all) {
        return all.stream().filter(each -> each.tally().failures() > 0).allMatch(left -> {
            List<Expected> others = new ArrayList<>(all);
            others.remove(left);
            return chance(others) < WITHOUT_ANY_USER;
        });
    }

    /** Tallies by place, each user once at a place. */
    static Map<Place, List<Tally>> byPlace(List<Map.Entry<Place, Tally>> tallies) {
        return tallies.stream().collect(Collectors.groupingBy(Map.Entry::getKey, LinkedHashMap::new,
                Collectors.mapping(Map.Entry::getValue, Collectors.toList())));
    }
}
