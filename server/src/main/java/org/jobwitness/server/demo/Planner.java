package org.jobwitness.server.demo;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jobwitness.server.demo.SimRun.Task;
import org.jspecify.annotations.Nullable;

/**
 * Decides which job runs where and when: a pure function of seed and epoch.
 *
 * <p>Background jobs run from some days before the epoch on and for ever. Each day is planned on its own, so any day can be
 * asked for: even days have one half of the nodes, odd days the other, and a day's runs have ended when the next day of its
 * half comes. From the epoch on there are live jobs besides: a story in small every thirty seconds.
 */
final class Planner {
    static final int JOBS_PER_DAY = 15;
    static final long FIRST_ID = 1001;
    static final Duration SLOT = ofSeconds(30);
    static final long FIRST_LIVE_ID = 1_000_000;
    /** Drained for good, two days before the epoch. */
    static final String DRAINED_NODE = "c08";

    private static final Duration DAY = ofDays(1);
    private static final int DRAINED_DAYS = 2;
    /** A day's runs have ended, and their ends are reported, after this. */
    private static final Duration MAX_AGE = ofDays(2).minusMinutes(1);
    private static final List<List<String>> HALVES = List.of(List.of("c01", "c02", "c03", "c04", "g01", "m01"),
            List.of("c05", "c06", "c07", DRAINED_NODE, "g02", "g03", "m02"));
    private static final int IDS_PER_SLOT = 10;
    /** A live job is submitted so long before its start; so two or three always wait. */
    private static final Duration LIVE_WAIT = ofSeconds(75);
    /** No live job takes longer, both runs of the requeued one included. */
    private static final Duration MAX_LIVE = ofMinutes(5);
    private static final Duration MAX_REQUEUE_WAIT = ofMinutes(5);

    private final long seed;
    private final Instant epoch;
    private final Instant begin;
    private final int drainedFromDay;

    Planner(long seed, Instant epoch, int days) {
        this.seed = seed;
        this.epoch = epoch;
        this.begin = epoch.minus(DAY.multipliedBy(days));
        this.drainedFromDay = Math.max(0, days - DRAINED_DAYS);
    }

    /** When the first day starts. */
    Instant begin() {
        return begin;
    }

    /** Since when {@link #DRAINED_NODE} gets no jobs, and has none. */
    Instant drainedFrom() {
        return startOf(drainedFromDay);
    }

    private Instant startOf(long day) {
        return begin.plus(DAY.multipliedBy(day));
    }

    private long dayOf(Instant moment) {
        return Math.floorDiv(Duration.between(begin, moment).toSeconds(), DAY.toSeconds());
    }

    /** The background runs that report something after {@code from} and up to {@code to}, and perhaps some more. */
    List<SimRun> background(Instant from, Instant to) {
        return LongStream.rangeClosed(Math.max(0, dayOf(from) - 1), dayOf(to)).mapToObj(this::day)
                .flatMap(List::stream).toList();
    }

    /** The live runs, likewise. */
    List<SimRun> live(Instant from, Instant to) {
        long first = Duration.between(epoch, from.minus(MAX_LIVE)).dividedBy(SLOT);
        long last = Duration.between(epoch, to.plus(LIVE_WAIT)).dividedBy(SLOT);
        return LongStream.rangeClosed(Math.max(0, first), last).mapToObj(this::slot).flatMap(List::stream).toList();
    }

    /** All runs of the jobs that are submitted on a day, in the order of their ids. */
    List<SimRun> day(long day) {
        List<SimRun> runs = new ArrayList<>();
        Placement placement = new Placement(nodes(day));
        long number = day * JOBS_PER_DAY;
        while (number < (day + 1) * JOBS_PER_DAY) {
            JobTemplate scheduled = Schedule.WEEK.get(FIRST_ID + number);
            Instant submit = begin.plus(DAY.dividedBy(JOBS_PER_DAY).multipliedBy(number))
                    .plus(SeededRandom.seconds(Duration.ZERO, ofHours(1), seed, number, 0));
            if (scheduled == null) {
                SimRun run = placed(placement, number, submit);
                placement.add(run);
                runs.add(run);
                number++;
            } else {
                Instant start = submit.plus(SeededRandom.seconds(ofMinutes(1), ofMinutes(9), seed, number, 1));
                runs.addAll(reserved(scheduled, FIRST_ID + number, User.ofJob(seed, number), submit, start));
                number += scheduled.jobs();
            }
        }
        Instant latest = startOf(day).plus(MAX_AGE);
        runs.stream().filter(run -> run.end().isAfter(latest)).findFirst().ifPresent(late -> {
            throw new IllegalStateException("day " + day + " is too short for " + late);
        });
        return runs;
    }

    /** Each day starts to fill its half at another node. */
    private List<SimNode> nodes(long day) {
        List<SimNode> nodes = new ArrayList<>(HALVES.get((int) (day % HALVES.size())).stream()
                .filter(name -> day < drainedFromDay || !name.equals(DRAINED_NODE)).map(SimNode::named).toList());
        Collections.rotate(nodes, (int) (day / HALVES.size() % nodes.size()));
        return nodes;
    }

    private SimRun placed(Placement placement, long number, Instant submit) {
        JobTemplate template = Schedule.BACKGROUND.get((int) (number % Schedule.BACKGROUND.size()));
        Instant earliest = submit.plus(SeededRandom.seconds(ofSeconds(5), ofMinutes(2), seed, number, 1));
        Duration duration = template.duration(seed, FIRST_ID + number, 0);
        Placement.Place place = placement.find(template, earliest, duration);
        return new SimRun(FIRST_ID + number, template, User.ofJob(seed, number), 0, null, submit,
                place.start().equals(earliest) ? "Priority" : "Resources", place.start(), place.start().plus(duration),
                place.allocations());
    }

    /** The runs that start in the k-th slot. */
    List<SimRun> slot(long k) {
        Instant start = epoch.plus(SLOT.multipliedBy(k));
        Instant submit = start.minus(LIVE_WAIT).isBefore(epoch) ? epoch : start.minus(LIVE_WAIT);
        return reserved(Schedule.LIVE.get((int) (k % Schedule.LIVE.size())), FIRST_LIVE_ID + k * IDS_PER_SLOT,
                User.ofJob(seed, k), submit, start);
    }

    /** One run, two of a job that is requeued, or all tasks of an array. */
    private List<SimRun> reserved(JobTemplate scheduled, long id, User user, Instant submit, Instant start) {
        if (scheduled.story() == Story.ARRAY) {
            return IntStream.range(0, scheduled.jobs())
                    .mapToObj(n -> reserved(scheduled, id + n, user, 0, new Task(id, n), submit, start)).toList();
        }
        SimRun first = reserved(scheduled, id, user, 0, null, submit, start);
        if (scheduled.story() == Story.REQUEUED) {
            Duration third = scheduled.usual().dividedBy(3);
            Duration wait = third.compareTo(MAX_REQUEUE_WAIT) < 0 ? third : MAX_REQUEUE_WAIT;
            return List.of(first, reserved(scheduled, id, user, 1, null, submit, first.end().plus(wait)));
        }
        return List.of(first);
    }

    private SimRun reserved(JobTemplate scheduled, long id, User user, int restarts, @Nullable Task task,
            Instant submit, Instant start) {
        return new SimRun(id, scheduled, user, restarts, task, submit, "Priority", start,
                start.plus(scheduled.duration(seed, id, restarts)), scheduled.reserved());
    }
}
