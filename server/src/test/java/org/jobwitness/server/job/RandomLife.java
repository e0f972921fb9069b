package org.jobwitness.server.job;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;

/**
 * A job's life that a cluster could have led, as its hooks tell it: one to three runs on one to four nodes, some hooks
 * silent. What the hooks of one run say does not contradict itself.
 *
 * @param names how the hooks name their run
 * @param runs the events of each run, oldest run first
 */
record RandomLife(Names names, List<List<Evidence>> runs) {

    enum Names {
        /** Slurm 23.02 to 25.05. */
        START_TIME,
        /** Slurm 25.11 and later. */
        SLUID_AND_START_TIME,
        /** Slurm was upgraded while the job ran. */
        START_TIME_AND_SOMETIMES_SLUID,
        SLUID,
        /** Slurm 22.05. */
        NEITHER
    }

    /** What ends a run. */
    private enum Ending {
        SUCCESS,
        EXIT_CODE,
        SIGNAL,
        KILLED,
        TERMINATED,
        BATCH_OOM,
        STEP_OOM,
        STEP_OOM_AND_SUCCESS,
        TIMEOUT,
        NODE_FAILURE,
        FINAL_STATE,
        FINAL_STATE_BESIDE_EXIT_CODE,
        NOT_HEARD_OF
    }

    private static final Instant BEGIN = Words.time("10:00:00");
    /** How far the clocks of nodes are apart at most, in seconds. */
    private static final int SKEW = 5;
    private static final int SHORTEST = 60;

    static RandomLife of(RandomGenerator random) {
        return new Generator(random).life();
    }

    /** All events in the order in which they happened. */
    List<Evidence> inOrder() {
        return runs.stream().flatMap(List::stream).toList();
    }

    /**
     * Another order in which the same events might arrive, some of them more than once. Without names only some orders
     * tell which run is meant: those in which a run begins before it ends, and has ended before the next one begins.
     */
    List<Evidence> inAnotherOrder(RandomGenerator random) {
        List<Evidence> order = names == Names.NEITHER && runs.size() > 1 ? runByRun(random) : shuffled(random);
        List<Evidence> repeated = new ArrayList<>(order);
        for (int i = 0; i < order.size(); i++) {
            if (random.nextInt(3) == 0) {
                repeated.add(random.nextInt(repeated.indexOf(order.get(i)) + 1, repeated.size() + 1), order.get(i));
            }
        }
        return repeated;
    }

    private List<Evidence> shuffled(RandomGenerator random) {
        List<Evidence> events = new ArrayList<>(inOrder());
        Collections.shuffle(events, Random.from(random));
        return events;
    }

    private List<Evidence> runByRun(RandomGenerator random) {
        List<Evidence> order = new ArrayList<>();
        List<Evidence> anyTimeLater = new ArrayList<>();
        for (List<Evidence> run : runs) {
            List<Evidence> events = new ArrayList<>(run);
            Collections.shuffle(events, Random.from(random));
            take(Evidence.Started.class, events, order);
            take(Evidence.Ended.class, events, order);
            anyTimeLater.addAll(events);
        }
        for (Evidence event : anyTimeLater) {
            int run = indexOfRun(event);
            int begun = order.indexOf(order.stream().filter(e -> indexOfRun(e) == run).findFirst().orElseThrow());
            order.add(random.nextInt(begun + 1, order.size() + 1), event);
        }
        return order;
    }

    private static void take(Class<? extends Evidence> kind, List<Evidence> from, List<Evidence> to) {
        from.stream().filter(kind::isInstance).findFirst().ifPresent(event -> {
            from.remove(event);
            to.add(event);
        });
    }

    private int indexOfRun(Evidence event) {
        for (int i = 0; i < runs.size(); i++) {
            if (runs.get(i).contains(event)) {
                return i;
            }
        }
        throw new IllegalArgumentException("not of this life: " + event);
    }

    private static final class Generator {
        private final RandomGenerator random;
        private final Names names;

        Generator(RandomGenerator random) {
            this.random = random;
            this.names = pick(Names.values());
        }

        RandomLife life() {
            List<List<Evidence>> runs = new ArrayList<>();
            int count = random.nextInt(1, 4);
            Instant start = BEGIN;
            int restarts = 0;
            String user = "alice";
            for (int i = 0; i < count; i++) {
                boolean requeued = random.nextBoolean();
                long seconds = random.nextInt(SHORTEST, 3600);
                runs.add(run(i, start, start.plusSeconds(seconds), user, restarts, requeued && i < count - 1,
                        i == count - 1));
                start = start.plusSeconds(seconds + random.nextInt(SHORTEST, 3600));
                restarts = requeued ? restarts + 1 : 0;
                user = requeued ? user : user + "2";
            }
            runs.removeIf(List::isEmpty);
            return new RandomLife(names, List.copyOf(runs));
        }

        private List<Evidence> run(int number, Instant start, Instant end, String user, int restarts, boolean requeued,
                boolean last) {
            boolean byTimeOnly = names == Names.NEITHER;
            List<String> nodes = List.of("n1", "n2", "n3", "n4").subList(0, random.nextInt(1, 5));
            Ending ending = requeued && random.nextBoolean() ? Ending.SUCCESS : pick(Ending.values());
            boolean runInJob = random.nextInt(5) == 0;
            Integer cpus = random.nextBoolean() ? Integer.valueOf(nodes.size() * 4) : null;
            Instant deadline = ending == Ending.TIMEOUT ? end.minusSeconds(random.nextInt(3)) : end.plusSeconds(7200);
            String sluid = "s" + (char) ('A' + number);
            List<Evidence> events = new ArrayList<>();
            for (String node : nodes) {
                if (heard() || (byTimeOnly && node.equals("n1"))) {
                    events.add(new Evidence.Started(identity(sluid, start), start.plusSeconds(random.nextInt(SKEW)),
                            gpus(node),
                            JobAttributes.of(user, 1000L, nodes).withPartition("batch", null)
                                    .withRun(null, restarts, deadline)
                                    .withAllocated(new Resources(cpus, null, null)),
                            List.of(), null));
                }
            }
            boolean mustEnd = byTimeOnly && !last;
            if (ending == Ending.NOT_HEARD_OF && !mustEnd) {
                return events;
            }
            int restartsAtEnd = requeued && !runInJob && ending != Ending.NODE_FAILURE ? restarts + 1 : restarts;
            for (String node : nodes) {
                if (heard() || (mustEnd && node.equals("n1"))) {
                    Instant at = byTimeOnly || runInJob ? end.plusSeconds(random.nextInt(SKEW)) : end;
                    boolean hasList = random.nextInt(4) > 0 || events.isEmpty();
                    events.add(new Evidence.Ended(identity(sluid, start), at,
                            new NodeAllocation(node, null, null, List.of(), null, true),
                            JobAttributes.of(hasList ? user : null, null, hasList ? nodes : List.of(node)),
                            List.of(), null, end(ending, at, restartsAtEnd, runInJob), runInJob ? reading() : null));
                }
            }
            if (ending == Ending.FINAL_STATE || ending == Ending.FINAL_STATE_BESIDE_EXIT_CODE) {
                events.add(new Evidence.Ended(identity(sluid, start), endOf(events, end), null, JobAttributes.NONE,
                        List.of(),
                        null,
                        EndEvidence.reported(endOf(events, end)).withFinalState(finalState(number)),
                        null));
            }
            return events;
        }

        /** Somebody who names a final state does not know better than the epilogs when the run ended. */
        private static Instant endOf(List<Evidence> events, Instant end) {
            return events.stream().filter(Evidence.Ended.class::isInstance).map(Evidence::at)
                    .min(Comparator.naturalOrder()).orElse(end);
        }

        private Identity identity(String sluid, Instant start) {
            boolean hasStart = names != Names.SLUID && names != Names.NEITHER;
            boolean hasSluid = names == Names.SLUID || names == Names.SLUID_AND_START_TIME
                    || (names == Names.START_TIME_AND_SOMETIMES_SLUID && random.nextBoolean());
            return new Identity("c1", "12", hasSluid ? sluid : null, hasStart ? start : null);
        }

        private NodeAllocation gpus(String node) {
            return random.nextInt(4) == 0
                    ? new NodeAllocation(node, null, null, List.of(), null, false)
                    : new NodeAllocation(node, 2, GpuVendor.NVIDIA, List.of(node + "a", node + "b"), "/job_12", false);
        }

        private EndEvidence end(Ending ending, Instant at, int restarts, boolean runInJob) {
            WaitStatus exit = switch (ending) {
                case SUCCESS, STEP_OOM_AND_SUCCESS, TIMEOUT, FINAL_STATE, NOT_HEARD_OF -> new WaitStatus(0, 0);
                case EXIT_CODE, STEP_OOM, FINAL_STATE_BESIDE_EXIT_CODE -> new WaitStatus(3, 0);
                case SIGNAL -> new WaitStatus(0, 11);
                case KILLED -> new WaitStatus(0, 9);
                case TERMINATED -> new WaitStatus(0, 15);
                case BATCH_OOM -> WaitStatus.ofRaw(253);
                case NODE_FAILURE -> new WaitStatus(0, 1);
            };
            Integer derived = ending == Ending.STEP_OOM || ending == Ending.STEP_OOM_AND_SUCCESS ? 253 : 0;
            return new EndEvidence(true, at, null, null, runInJob ? null : exit, runInJob ? null : derived, restarts,
                    runInJob && (ending == Ending.BATCH_OOM || ending == Ending.STEP_OOM) && random.nextBoolean(),
                    false,
                    false);
        }

        private EpilogReading reading() {
            return new EpilogReading(random.nextLong(1_000_000), random.nextLong(1L << 30), 0L);
        }

        private static JobState finalState(int number) {
            return List.of(JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED).get(number);
        }

        private boolean heard() {
            return random.nextInt(5) > 0;
        }

        private <T> T pick(T[] all) {
            return all[random.nextInt(all.length)];
        }
    }
}
