package org.jobwitness.server.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.Happening.Epilog;
import org.jobwitness.server.demo.Happening.Prolog;
import org.jobwitness.server.demo.Happening.SchedulerSays;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reading;
import org.junit.jupiter.api.Test;

/** The simulated cluster, on paper. */
class TimelineTest {
    private static final Instant EPOCH = Instant.parse("2026-03-10T14:07:23Z");
    private static final Instant WEEK_BEFORE = EPOCH.minus(Duration.ofDays(7));
    private static final List<Long> SEEDS = List.of(1L, 42L, -7L);

    private final Timeline timeline = Timeline.of(1, EPOCH);

    @Test
    void equalQuestionsGetEqualAnswers() {
        Timeline again = Timeline.of(1, EPOCH);
        Instant soon = EPOCH.plus(Duration.ofMinutes(20));

        assertThat(history(again)).isEqualTo(history(timeline));
        assertThat(told(again, EPOCH, soon)).isEqualTo(told(timeline, EPOCH, soon));
        assertThat(again.nodesAt(Ticks.last(soon))).isEqualTo(timeline.nodesAt(Ticks.last(soon)));
        assertThat(Timeline.usage(again.live(EPOCH, soon), EPOCH, soon))
                .containsExactlyElementsOf(Timeline.usage(timeline.live(EPOCH, soon), EPOCH, soon).toList());
    }

    @Test
    void whatIsToldDoesNotDependOnTheStretchesInWhichItIsAskedFor() {
        Instant end = EPOCH.plus(Duration.ofHours(1));
        List<Happening> piecewise = Stream.iterate(WEEK_BEFORE, from -> from.isBefore(end),
                from -> from.plus(Duration.ofMinutes(37)))
                .flatMap(from -> told(timeline, from, earlier(from.plus(Duration.ofMinutes(37)), end)).stream())
                .toList();

        assertThat(piecewise).containsExactlyElementsOf(told(timeline, WEEK_BEFORE, end));
    }

    @Test
    void anotherSeedHasOtherUsersAndTimesAndTheSameStoriesUnderTheSameIds() {
        Timeline other = Timeline.of(2, EPOCH);

        assertThat(history(other)).extracting(Booking::user).isNotEqualTo(
                history(timeline).stream().map(Booking::user).toList());
        assertThat(history(other)).extracting(Booking::start).doesNotContainAnyElementsOf(
                history(timeline).stream().map(Booking::start).toList());
        assertThat(history(other)).extracting(Booking::jobId, Booking::recipe, Booking::restarts, Booking::ending)
                .containsExactlyElementsOf(history(timeline).stream()
                        .map(run -> tuple(run.jobId(), run.recipe(), run.restarts(), run.ending())).toList());
    }

    @Test
    void theWeekHasAboutAHundredJobsOfTwentyUsersOnSixteenNodes() {
        for (long seed : SEEDS) {
            List<Booking> week = history(Timeline.of(seed, EPOCH));

            assertThat(week).extracting(Booking::jobId)
                    .containsAll(LongStream.rangeClosed(1001, 1105).boxed().toList());
            assertThat(week.stream().map(Booking::user).distinct()).hasSize(20);
            assertThat(week.stream().flatMap(run -> run.nodes().stream()).distinct()).hasSize(16)
                    .containsExactlyInAnyOrderElementsOf(Machine.ALL.stream().map(Machine::name).toList());
            assertThat(week.stream().map(Booking::duration)).anyMatch(time -> time.compareTo(Duration.ofHours(17)) > 0)
                    .anyMatch(time -> time.compareTo(Duration.ofMinutes(30)) < 0);
        }
    }

    @Test
    void everyStoryIsToldInTheWeekAndEndsBeforeTheEpoch() {
        for (long seed : SEEDS) {
            List<Booking> week = history(Timeline.of(seed, EPOCH));
            List<Booking> acts = week.stream().filter(TimelineTest::isAct).toList();

            assertThat(acts).extracting(run -> run.recipe().story()).contains(Story.values());
            assertThat(acts).allSatisfy(run -> assertThat(Telling.lastWord(run)).isBefore(EPOCH));
            assertThat(acts.stream().map(Booking::ending).collect(Collectors.toSet())).contains(Ending.values());
        }
    }

    private static boolean isAct(Booking run) {
        return Week.ACTS.stream().anyMatch(act -> {
            long first = Background.FIRST_ID + act.day() * Background.JOBS_A_DAY + act.index();
            return run.jobId() >= first && run.jobId() < first + act.scene().jobs();
        });
    }

    @Test
    void whoeverWatchesTheFirstTenMinutesSeesEveryStoryBeginAndEnd() {
        Instant later = EPOCH.plus(Duration.ofMinutes(10));
        List<Booking> shown = timeline.live(EPOCH.minusSeconds(1), later).stream()
                .filter(run -> !Telling.lastWord(run).isAfter(later)).toList();

        assertThat(shown).extracting(run -> run.recipe().story()).contains(Story.values());
        assertThat(shown).extracting(Booking::ending).contains(Ending.values());
    }

    @Test
    void everyStoryBeginsInAnyTenMinutesOfTheShow() {
        for (int minute = 0; minute < 60; minute++) {
            Instant from = EPOCH.plus(Duration.ofMinutes(minute));
            Instant to = from.plus(Duration.ofMinutes(10));

            assertThat(timeline.live(from, to)).filteredOn(run -> run.start().isAfter(from) && run.start().isBefore(to))
                    .extracting(run -> run.recipe().story()).contains(Story.values());
        }
    }

    @Test
    void jobsOfTheShowTakeFortySecondsToFourMinutes() {
        assertThat(timeline.live(EPOCH, EPOCH.plus(Duration.ofHours(2)))).extracting(Booking::duration)
                .allSatisfy(time -> assertThat(time).isBetween(Duration.ofSeconds(40), Duration.ofMinutes(4)));
    }

    @Test
    void severalJobsRunAndSeveralWaitAtAnyTimeOfTheShow() {
        Instant end = EPOCH.plus(Duration.ofDays(3));
        for (Instant moment = EPOCH.plusSeconds(5); moment.isBefore(end); moment = moment.plusSeconds(577)) {
            Instant now = moment;
            List<Booking> all = all(timeline, now.minusSeconds(1), now);

            assertThat(all).filteredOn(run -> run.overlaps(now, now.plusNanos(1))).hasSizeBetween(2, 30);
            assertThat(all).filteredOn(run -> run.restarts() == 0 && run.start().isAfter(now))
                    .as("waiting at %s", now).extracting(run -> run.recipe().name()).hasSizeGreaterThanOrEqualTo(2);
        }
        assertThat(timeline.background(EPOCH.minusSeconds(1), EPOCH))
                .filteredOn(run -> run.overlaps(EPOCH, EPOCH.plusNanos(1))).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void someJobsHaveToWaitForResources() {
        assertThat(history(timeline)).filteredOn(run -> run.waitsFor().equals("Resources")).isNotEmpty()
                .allSatisfy(run -> assertThat(run.start()).isAfter(run.submit()));
    }

    @Test
    void noNodeIsEverOverbooked() {
        for (long seed : SEEDS) {
            Timeline some = Timeline.of(seed, EPOCH);
            Instant show = EPOCH.plus(Duration.ofHours(2));
            Set<Booking> runs = new HashSet<>(some.background(WEEK_BEFORE, EPOCH.plus(Duration.ofDays(14))));
            runs.addAll(some.live(EPOCH.minusSeconds(1), show));

            Machine.ALL.forEach(machine -> assertNeverOverbooked(machine, runs));
        }
    }

    private static void assertNeverOverbooked(Machine machine, Collection<Booking> all) {
        List<Booking> runs = all.stream().filter(run -> run.nodes().contains(machine.name())).toList();
        assertThat(runs).as(machine.name()).isNotEmpty();
        runs.forEach(starting -> {
            Instant moment = starting.start();
            List<Booking> then = runs.stream().filter(run -> run.overlaps(moment, moment.plusNanos(1))).toList();
            List<Integer> gpus = then.stream().flatMap(run -> run.shares().stream())
                    .filter(share -> share.machine().equals(machine)).flatMap(share -> share.gpus().stream()).toList();

            assertThat(then.stream().mapToInt(run -> run.recipe().cpus()).sum()).as("CPUs of %s at %s: %s",
                    machine.name(), moment, then).isLessThanOrEqualTo(machine.cpus());
            assertThat(then.stream().mapToLong(run -> run.recipe().memoryMb()).sum()).as("memory of %s at %s",
                    machine.name(), moment).isLessThanOrEqualTo(machine.memoryMb());
            assertThat(gpus).as("GPUs of %s at %s", machine.name(), moment).doesNotHaveDuplicates()
                    .allSatisfy(gpu -> assertThat(gpu).isBetween(0, machine.gpus() - 1));
        });
    }

    @Test
    void everyDayOfEverySeedFindsRoomForItsJobs() {
        for (long seed = 0; seed < 60; seed++) {
            Background background = new Background(seed, EPOCH);
            for (long day = 0; day < 7 + 34; day++) {
                assertThat(background.day(day)).hasSizeGreaterThanOrEqualTo(Background.JOBS_A_DAY);
            }
        }
    }

    @Test
    void nothingRunsOnANodeThatIsDrainedOrDown() {
        assertThat(timeline.background(EPOCH.minus(Duration.ofDays(2)), EPOCH.plus(Duration.ofDays(14))))
                .noneMatch(run -> run.nodes().contains(Background.DRAINED_NODE)
                        && run.overlaps(EPOCH.minus(Duration.ofDays(2)), Instant.MAX));
        Instant end = EPOCH.plus(Duration.ofMinutes(30));
        List<NodeReading> down = Ticks.between(EPOCH, end).flatMap(tick -> timeline.nodesAt(tick).stream())
                .filter(reading -> reading.state() == NodeReading.State.DOWN).toList();

        assertThat(down).hasSizeGreaterThan(6).allSatisfy(reading -> {
            assertThat(reading.node()).isEqualTo("c10");
            assertThat(reading.cpuLoad()).isZero();
        });
    }

    @Test
    void idsRiseInTheOrderInWhichJobsWereSent() {
        for (List<Booking> runs : List.of(history(timeline), timeline.live(EPOCH, EPOCH.plus(Duration.ofDays(1))))) {
            assertThat(runs.stream().sorted(Comparator.comparing(Booking::jobId))).extracting(Booking::submit)
                    .isSorted();
        }
    }

    @Test
    void everyRunIsToldInOrder() {
        List<Booking> runs = Stream.concat(history(timeline).stream(),
                timeline.live(EPOCH, EPOCH.plus(Duration.ofMinutes(20))).stream()).toList();

        assertThat(runs).allSatisfy(run -> {
            List<Happening> told = new Telling(run).between(Instant.MIN, Instant.MAX);

            assertThat(told).extracting(Happening::at).isSorted();
            assertThat(told.stream().filter(Prolog.class::isInstance)).hasSize(run.shares().size());
            assertThat(told.stream().filter(Epilog.class::isInstance))
                    .hasSize(run.ending() == Ending.NODE_FAILURE ? 0 : run.shares().size());
            assertThat(told.stream().filter(SchedulerSays.class::isInstance)
                    .map(happening -> ((SchedulerSays) happening).word().state()))
                    .containsExactlyElementsOf(run.restarts() == 0
                            ? List.of(JobState.PENDING, JobState.RUNNING, run.ending().state())
                            : List.of(JobState.RUNNING, run.ending().state()));
            assertThat(run.start()).isBefore(run.end());
            assertThat(run.end()).isBeforeOrEqualTo(run.deadline());
        });
    }

    @Test
    void aRequeuedJobRunsTwiceUnderOneId() {
        List<Booking> runs = history(timeline).stream().filter(run -> run.recipe().story() == Story.REQUEUED).toList();

        assertThat(runs).extracting(Booking::jobId).containsExactly(1063L, 1063L);
        assertThat(runs).extracting(Booking::restarts).containsExactly(0, 1);
        assertThat(runs).extracting(Booking::ending).containsExactly(Ending.REQUEUED, Ending.COMPLETED);
        assertThat(runs.getLast().start()).isAfter(Telling.lastWord(runs.getFirst()));
        assertThat(epilogs(runs.getFirst()).findFirst().orElseThrow().event().restartCount()).isEqualTo(1);
    }

    @Test
    void anArrayHasEightTasksOfWhichNumberFiveFails() {
        List<Booking> tasks = history(timeline).stream().filter(run -> run.recipe().story() == Story.ARRAY).toList();

        assertThat(tasks).extracting(Booking::jobId).containsExactly(1050L, 1051L, 1052L, 1053L, 1054L, 1055L, 1056L,
                1057L);
        assertThat(tasks).extracting(Booking::array).containsExactlyElementsOf(
                LongStream.range(0, 8).mapToObj(n -> new Booking.Task(1050, (int) n)).toList());
        assertThat(tasks).filteredOn(run -> run.ending() != Ending.COMPLETED).extracting(Booking::jobId,
                Booking::ending).containsExactly(tuple(1055L, Ending.EXIT_CODE_3));
    }

    @Test
    void prologsNameAsManyGpusAsAreAllocatedAndTheSamplesNameTheSame() {
        assertThat(history(timeline)).filteredOn(run -> run.recipe().gpus() > 0).isNotEmpty().allSatisfy(run -> {
            Booking.Share share = run.shares().getFirst();
            Prolog prolog = new Telling(run).between(Instant.MIN, Instant.MAX).stream().filter(Prolog.class::isInstance)
                    .map(Prolog.class::cast)
                    .findFirst().orElseThrow();

            assertThat(prolog.event().gpuDevices()).hasSize(run.recipe().gpus()).doesNotHaveDuplicates();
            assertThat(prolog.event().gpuAllocation()).isEqualTo(run.recipe().gpus());
            assertThat(new Load(run, share).samples().limit(3)).allSatisfy(usage -> assertThat(usage.gpus())
                    .extracting(Sample.Gpu::gpu).containsExactlyElementsOf(prolog.event().gpuDevices()));
        });
    }

    @Test
    void figuresStayWithinWhatARunHas() {
        assertThat(samples(history(timeline))).allSatisfy(TimelineTest::assertWithin);
        assertThat(samples(timeline.live(EPOCH, EPOCH.plus(Duration.ofHours(1)))))
                .allSatisfy(TimelineTest::assertWithin);
    }

    private static void assertWithin(Usage usage) {
        assertThat(usage.cpuPercent()).isBetween(0.0, 100.0);
        assertThat(usage.memoryBytes()).isBetween(1L, usage.run().recipe().memoryMb() << 20);
        assertThat(usage.at().getEpochSecond() % 15).isZero();
        assertThat(usage.interval()).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(15));
        assertThat(usage.gpus()).allSatisfy(gpu -> {
            assertThat(gpu.utilizationPercent()).isBetween(0.0, 100.0);
            assertThat(gpu.memoryUsedBytes()).isBetween(1L, 80L << 30);
            assertThat(gpu.powerWatts()).isBetween(20.0, 400.0);
            assertThat(gpu.temperatureCelsius()).isBetween(20.0, 95.0);
        });
    }

    @Test
    void theSamplesOfARunCoverAllOfItsTimeButTheLastTick() {
        assertThat(history(timeline)).allSatisfy(run -> {
            long covered = new Load(run, run.shares().getFirst()).samples().mapToLong(use -> use.interval().toSeconds())
                    .sum();

            assertThat(run.duration().toSeconds() - covered).isBetween(0L, 14L);
        });
    }

    @Test
    void theLastReadingsAgreeWithTheSamples() {
        List<Booking> runs = Stream.concat(history(timeline).stream(),
                timeline.live(EPOCH, EPOCH.plus(Duration.ofMinutes(20))).stream())
                .filter(run -> run.ending() != Ending.NODE_FAILURE).toList();

        assertThat(runs).allSatisfy(run -> assertThat(epilogs(run)).isNotEmpty().allSatisfy(epilog -> {
            Reading reading = epilog.event().reading();
            List<Usage> samples = run.shares().stream()
                    .filter(share -> share.machine().name().equals(epilog.event().node()))
                    .flatMap(share -> new Load(run, share).samples()).toList();
            double told = samples.stream().mapToDouble(use -> use.busyCpus() * use.interval().toSeconds()).sum();
            long peak = samples.stream().mapToLong(Usage::memoryBytes).max().orElseThrow();

            assertThat(reading.cpuUsageUsec() / 1e6).isBetween(told - 0.001,
                    told + 15 * run.recipe().cpus());
            assertThat(reading.memoryPeakBytes()).isBetween(peak, run.recipe().memoryMb() << 20);
            assertThat(reading.oomKills()).isEqualTo(run.ending() == Ending.OUT_OF_MEMORY ? 1 : 0);
            if (run.ending() == Ending.OUT_OF_MEMORY) {
                assertThat(reading.memoryPeakBytes()).isEqualTo(run.recipe().memoryMb() << 20);
            }
        }));
    }

    @Test
    void storiesShowInTheirFigures() {
        assertThat(average(Story.HEALTHY_MPI)).isGreaterThan(90);
        assertThat(average(Story.ONE_CORE) * 32 / 100).isCloseTo(1, within(0.05));
        assertThat(average(Story.IO_BOUND)).isLessThan(25);
        assertThat(averageGpu(Story.GPU_TRAINING)).isCloseTo(90, within(3.0));
        assertThat(averageGpu(Story.IDLE_GPUS)).isCloseTo(22, within(1.0));
        assertThat(peakOfLimit(Story.MEMORY_UNUSED)).isCloseTo(0.1, within(0.01));
        assertThat(peakOfLimit(Story.PAGE_CACHE)).isGreaterThan(0.97);
        assertThat(peakOfLimit(Story.MEMORY_STALL)).isGreaterThan(0.97);
    }

    private List<Booking> acts(Story story) {
        return history(timeline).stream().filter(TimelineTest::isAct)
                .filter(run -> run.recipe().story() == story).toList();
    }

    private double average(Story story) {
        return samples(acts(story)).mapToDouble(Usage::cpuPercent).average().orElseThrow();
    }

    private double averageGpu(Story story) {
        return samples(acts(story)).mapToDouble(Usage::gpuPercent).average().orElseThrow();
    }

    private double peakOfLimit(Story story) {
        return samples(acts(story)).mapToDouble(use -> (double) use.memoryBytes()
                / (use.run().recipe().memoryMb() << 20)).max().orElseThrow();
    }

    @Test
    void aNodeShowsExactlyTheSumOfItsJobs() {
        Random random = new Random(3);
        for (int i = 0; i < 150; i++) {
            Instant tick = Ticks.last(EPOCH.plusSeconds(random.nextInt(3 * 86_400)));
            List<Usage> all = Timeline.usage(all(timeline, tick.minusSeconds(15), tick), tick.minusSeconds(1), tick)
                    .toList();
            List<NodeReading> readings = timeline.nodesAt(tick);

            assertThat(readings).extracting(NodeReading::node)
                    .containsExactlyElementsOf(Machine.ALL.stream().map(Machine::name).toList());
            assertThat(readings).allSatisfy(reading -> {
                Machine machine = Machine.named(reading.node());
                List<Usage> here = all.stream().filter(use -> use.node().equals(reading.node())).toList();
                double busy = here.stream().mapToDouble(use -> use.cpuPercent() / 100 * use.run().recipe().cpus())
                        .sum();
                int allocated = here.stream().mapToInt(use -> use.run().recipe().cpus()).sum();

                assertThat(reading.cpuUsagePercent()).isCloseTo(busy / machine.cpus() * 100, within(1e-9));
                assertThat(reading.cpuLoad()).isCloseTo(busy, within(1e-9));
                assertThat(reading.memoryUsageBytes()).isEqualTo(here.stream().mapToLong(Usage::memoryBytes).sum());
                if (machine.gpus() == 0) {
                    assertThat(reading.gpuUsagePercent()).isNull();
                } else {
                    assertThat(reading.gpuUsagePercent()).isCloseTo(here.stream().flatMap(use -> use.gpus().stream())
                            .mapToDouble(Sample.Gpu::utilizationPercent).sum() / machine.gpus(), within(1e-9));
                }
                assertThat(reading.state()).isIn(allocated == machine.cpus()
                        ? EnumSet.of(NodeReading.State.ALLOCATED)
                        : allocated > 0
                                ? EnumSet.of(NodeReading.State.MIXED)
                                : EnumSet.of(NodeReading.State.IDLE, NodeReading.State.DOWN,
                                        NodeReading.State.DRAINED));
            });
        }
    }

    @Test
    void everyStateOfANodeIsSeen() {
        assertThat(Ticks.between(EPOCH, EPOCH.plus(Duration.ofDays(2))).filter(tick -> tick.getEpochSecond() % 60 == 0)
                .flatMap(tick -> timeline.nodesAt(tick).stream()).map(NodeReading::state).collect(Collectors.toSet()))
                .contains(NodeReading.State.IDLE, NodeReading.State.MIXED, NodeReading.State.ALLOCATED,
                        NodeReading.State.DOWN, NodeReading.State.DRAINED);
    }

    @Test
    void theWeekHasATolerableNumberOfSamples() {
        assertThat(Timeline.usage(history(timeline), WEEK_BEFORE, EPOCH).count()).isBetween(100_000L, 250_000L);
    }

    @Test
    void idsOfHistoryAndShowNeverMeet() {
        long lastInTenYears = Background.FIRST_ID + 3660L * Background.JOBS_A_DAY;

        assertThat(lastInTenYears).isLessThan(Live.FIRST_ID);
    }

    private static Stream<Usage> samples(List<Booking> runs) {
        return runs.stream().flatMap(run -> run.shares().stream().flatMap(share -> new Load(run, share).samples()));
    }

    private static Stream<Epilog> epilogs(Booking run) {
        return new Telling(run).between(Instant.MIN, Instant.MAX).stream().filter(Epilog.class::isInstance)
                .map(Epilog.class::cast);
    }

    private static List<Booking> history(Timeline timeline) {
        return timeline.background(WEEK_BEFORE, EPOCH);
    }

    private static List<Booking> all(Timeline timeline, Instant from, Instant to) {
        return Stream.concat(timeline.background(from, to).stream(), timeline.live(from, to).stream()).toList();
    }

    private static List<Happening> told(Timeline timeline, Instant from, Instant to) {
        return Timeline.happenings(all(timeline, from, to), from, to);
    }

    private static Instant earlier(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }
}
