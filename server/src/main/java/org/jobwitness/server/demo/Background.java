package org.jobwitness.server.demo;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * The cluster's ordinary life: fifteen jobs a day, from a week before the epoch on and for ever. Each day is planned by
 * itself, so that any day can be asked for: even days have one half of the nodes and odd days the other, and what a day
 * begins has ended when its half's next day comes.
 */
final class Background {
    static final int JOBS_A_DAY = 15;
    static final long FIRST_ID = 1001;
    /** Drained for good, two days before the epoch. */
    static final String DRAINED_NODE = "c08";
    static final int DRAINED_FROM_DAY = 5;

    private static final Duration DAY = ofDays(1);
    /** What a day begins has ended, and is told, after this. */
    private static final Duration LIFE = ofDays(2).minusMinutes(1);
    private static final Duration BETWEEN_SUBMITS = DAY.dividedBy(JOBS_A_DAY);
    private static final List<List<String>> HALVES = List.of(List.of("c01", "c02", "c03", "c04", "g01", "m01"),
            List.of("c05", "c06", "c07", "c08", "g02", "g03", "m02"));

    /** What is sent, in turn; their number has no factor in common with that of a day's jobs. */
    private static final List<Recipe> DECK = List.of(
            Recipe.cpu(Story.HEALTHY_MPI, "lammps-melt", 3, 32, 96, ofHours(9), ofHours(12)),
            Recipe.gpu(Story.GPU_TRAINING, "train-resnet50", 2, 16, 128, ofHours(8), ofHours(12)),
            Recipe.cpu(Story.IO_BOUND, "blast-nr", 1, 16, 48, ofHours(5), ofHours(8)),
            Recipe.bigMemory(Story.MEMORY_STALL, "spades-assembly", 32, 600, ofHours(9), ofDays(1)),
            Recipe.cpu(Story.CPU_BOUND, "gatk-haplotype", 1, 24, 64, ofHours(7), ofHours(12)),
            Recipe.gpu(Story.GPU_TRAINING, "bert-finetune", 1, 8, 64, ofHours(5), ofHours(8)),
            Recipe.cpu(Story.HEALTHY_MPI, "openfoam-motorbike", 2, 64, 128, ofHours(6), ofHours(10)),
            Recipe.cpu(Story.CPU_BOUND, "fastqc-reads", 1, 8, 16, ofMinutes(25), ofHours(1)),
            Recipe.bigMemory(Story.PAGE_CACHE, "trinity-rnaseq", 24, 700, ofHours(8), ofHours(16)),
            Recipe.cpu(Story.CPU_BOUND, "vasp-relax", 1, 64, 128, ofHours(10), ofDays(1)),
            Recipe.cpu(Story.ONE_CORE, "r-simulation", 1, 16, 32, ofHours(3), ofHours(6)),
            Recipe.gpu(Story.GPU_TRAINING, "namd-apoa1", 4, 32, 200, ofHours(7), ofHours(10)),
            Recipe.cpu(Story.PAGE_CACHE, "era5-regrid", 1, 8, 96, ofHours(4), ofHours(8)),
            Recipe.cpu(Story.HEALTHY_MPI, "gromacs-membrane", 2, 32, 64, ofHours(20), ofDays(1)),
            Recipe.cpu(Story.MEMORY_UNUSED, "matlab-sweep", 1, 16, 128, ofHours(4), ofHours(8)),
            Recipe.gpu(Story.GPU_TRAINING, "amber-equil", 1, 8, 48, ofHours(6), ofHours(12)),
            Recipe.cpu(Story.CPU_BOUND, "bowtie2-align", 1, 16, 24, ofMinutes(90), ofHours(3)));

    private final long seed;
    private final Instant begin;

    Background(long seed, Instant epoch) {
        this.seed = seed;
        this.begin = epoch.minus(DAY.multipliedBy(Week.DAYS));
    }

    Instant begin() {
        return begin;
    }

    /** Since when {@link #DRAINED_NODE} takes no jobs, and has none. */
    Instant drainedFrom() {
        return begin.plus(DAY.multipliedBy(DRAINED_FROM_DAY));
    }

    /** The jobs that have something to tell after {@code from} and up to {@code to}; perhaps some more. */
    List<Booking> during(Instant from, Instant to) {
        return LongStream.rangeClosed(Math.max(0, dayOf(from) - 1), dayOf(to))
                .mapToObj(this::day).flatMap(List::stream).toList();
    }

    private long dayOf(Instant moment) {
        return Math.floorDiv(Duration.between(begin, moment).toSeconds(), DAY.toSeconds());
    }

    /** Everything that is sent on a day, in the order of the ids. */
    List<Booking> day(long day) {
        List<Booking> bookings = new ArrayList<>();
        Floor floor = new Floor(machines(day));
        for (int index = 0; index < JOBS_A_DAY; index++) {
            long number = day * JOBS_A_DAY + index;
            Optional<Week.Act> act = Week.at(day, index);
            if (act.isEmpty()) {
                Booking booking = ordinary(number, floor);
                floor.book(booking);
                bookings.add(booking);
            } else if (act.get().index() == index) {
                Instant submit = submit(number);
                bookings.addAll(act.get().scene().play(seed, FIRST_ID + number, User.ofJob(seed, number), submit,
                        submit.plus(Dice.seconds(ofMinutes(1), ofMinutes(9), seed, number, 1))));
            }
        }
        Instant latest = begin.plus(DAY.multipliedBy(day)).plus(LIFE);
        bookings.stream().filter(booking -> booking.end().isAfter(latest)).findFirst().ifPresent(late -> {
            throw new IllegalStateException("day " + day + " is too short for " + late);
        });
        return bookings;
    }

    private Booking ordinary(long number, Floor floor) {
        Recipe recipe = DECK.get((int) (number % DECK.size()));
        Instant submit = submit(number);
        Instant earliest = submit.plus(Dice.seconds(Duration.ofSeconds(5), ofMinutes(2), seed, number, 1));
        Duration duration = recipe.duration(seed, FIRST_ID + number, 0);
        Floor.Place place = floor.place(recipe, earliest, duration);
        return new Booking(FIRST_ID + number, recipe, User.ofJob(seed, number), 0, null, submit,
                place.start().equals(earliest) ? "Priority" : "Resources", place.start(),
                place.start().plus(duration), place.shares());
    }

    private Instant submit(long number) {
        return begin.plus(BETWEEN_SUBMITS.multipliedBy(number))
                .plus(Dice.seconds(Duration.ZERO, ofHours(1), seed, number, 0));
    }

    /** Each day begins to fill its half at another node. */
    private static List<Machine> machines(long day) {
        List<String> half = HALVES.get((int) (day % HALVES.size()));
        List<Machine> machines = new ArrayList<>(half.stream()
                .filter(name -> day < DRAINED_FROM_DAY || !name.equals(DRAINED_NODE)).map(Machine::named).toList());
        Collections.rotate(machines, (int) (day / HALVES.size() % machines.size()));
        return machines;
    }
}
