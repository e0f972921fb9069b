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
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.SimEvent.Epilog;
import org.jobwitness.server.demo.SimEvent.Prolog;
import org.jobwitness.server.demo.SimEvent.SchedulerReport;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.NodeFigures;
import org.jobwitness.wire.OomCause;
import org.junit.jupiter.api.Test;

/** The simulated cluster, without a database. */
class TimelineTest {
    private static final Instant EPOCH = Instant.parse("2026-03-10T14:07:23Z");
    private static final Instant WEEK_BEFORE = EPOCH.minus(Duration.ofDays(7));
    private static final List<Long> SEEDS = List.of(1L, 42L, -7L);

    private final Timeline timeline = new Timeline(1, EPOCH, 7);

    @Test
    void equalSeedsGiveEqualTimelines() {
        Timeline again = new Timeline(1, EPOCH, 7);
        Instant soon = EPOCH.plus(Duration.ofMinutes(20));

        assertThat(history(again)).isEqualTo(history(timeline));
        assertThat(events(again, EPOCH, soon)).isEqualTo(events(timeline, EPOCH, soon));
        assertThat(again.states(Ticks.last(soon))).isEqualTo(timeline.states(Ticks.last(soon)));
        assertThat(Timeline.batches(again.live(EPOCH, soon), EPOCH, soon))
                .containsExactlyElementsOf(Timeline.batches(timeline.live(EPOCH, soon), EPOCH, soon));
    }

    @Test
    void eventsDoNotDependOnTheStepsInWhichTheyAreMade() {
        Instant end = EPOCH.plus(Duration.ofHours(1));
        List<SimEvent> piecewise = Stream.iterate(WEEK_BEFORE, from -> from.isBefore(end),
                from -> from.plus(Duration.ofMinutes(37)))
                .flatMap(from -> events(timeline, from, earlier(from.plus(Duration.ofMinutes(37)), end)).stream())
                .toList();

        assertThat(piecewise).containsExactlyElementsOf(events(timeline, WEEK_BEFORE, end));
    }

    @Test
    void batchesDoNotEitherAndEachHasItsNumberOnce() {
        Instant begin = EPOCH.minus(Duration.ofHours(12));
        Instant end = EPOCH.plus(Duration.ofHours(1));
        List<Batch> piecewise = Stream.iterate(begin, from -> from.isBefore(end), from -> from.plusSeconds(37 * 61))
                .flatMap(from -> sent(from, earlier(from.plusSeconds(37 * 61), end)).stream()).toList();

        assertThat(piecewise).hasSizeGreaterThan(10_000).containsExactlyElementsOf(sent(begin, end));
        assertThat(piecewise).extracting(batch -> List.of(batch.node(), batch.bootId(), batch.sequence()))
                .doesNotHaveDuplicates();
        assertThat(piecewise).allSatisfy(batch -> assertThat(batch.sequence())
                .isEqualTo(batch.timestamp().getEpochSecond() / 15));
    }

    private List<Batch> sent(Instant from, Instant to) {
        return Timeline.batches(all(timeline, from.minus(Ticks.INTERVAL), to), from, to);
    }

    @Test
    void anotherSeedHasOtherUsersAndTimesAndTheSameStoriesUnderTheSameIds() {
        Timeline other = new Timeline(2, EPOCH, 7);

        assertThat(history(other)).extracting(SimRun::user).isNotEqualTo(
                history(timeline).stream().map(SimRun::user).toList());
        assertThat(history(other)).extracting(SimRun::start).doesNotContainAnyElementsOf(
                history(timeline).stream().map(SimRun::start).toList());
        assertThat(history(other)).extracting(SimRun::jobId, SimRun::template, SimRun::restarts, SimRun::ending)
                .containsExactlyElementsOf(history(timeline).stream()
                        .map(run -> tuple(run.jobId(), run.template(), run.restarts(), run.ending())).toList());
    }

    @Test
    void theWeekHasAboutAHundredJobsOfTwentyUsersOnSixteenNodes() {
        for (long seed : SEEDS) {
            List<SimRun> week = history(new Timeline(seed, EPOCH, 7));

            assertThat(week).extracting(SimRun::jobId)
                    .containsAll(LongStream.rangeClosed(1001, 1105).boxed().toList());
            assertThat(week.stream().map(SimRun::user).distinct()).hasSize(20);
            assertThat(week.stream().flatMap(run -> run.nodes().stream()).distinct()).hasSize(16)
                    .containsExactlyInAnyOrderElementsOf(SimNode.ALL.stream().map(SimNode::name).toList());
            assertThat(week.stream().map(SimRun::duration)).anyMatch(time -> time.compareTo(Duration.ofHours(17)) > 0)
                    .anyMatch(time -> time.compareTo(Duration.ofMinutes(30)) < 0);
        }
    }

    @Test
    void everyStoryIsInTheWeekAndEndsBeforeTheEpoch() {
        for (long seed : SEEDS) {
            List<SimRun> week = history(new Timeline(seed, EPOCH, 7));
            List<SimRun> acts = week.stream().filter(TimelineTest::isScheduled).toList();

            assertThat(acts).extracting(run -> run.template().story()).contains(Story.values());
            assertThat(acts).allSatisfy(run -> assertThat(run.lastReport()).isBefore(EPOCH));
            assertThat(acts.stream().map(SimRun::ending).collect(Collectors.toSet())).contains(Ending.values());
        }
    }

    private static boolean isScheduled(SimRun run) {
        return Schedule.WEEK.entrySet().stream().anyMatch(row -> run.jobId() >= row.getKey()
                && run.jobId() < row.getKey() + row.getValue().jobs());
    }

    @Test
    void everyStoryStartsAndEndsInTheFirstTenMinutes() {
        Instant later = EPOCH.plus(Duration.ofMinutes(10));
        List<SimRun> shown = timeline.live(EPOCH.minusSeconds(1), later).stream()
                .filter(run -> !run.lastReport().isAfter(later)).toList();

        assertThat(shown).extracting(run -> run.template().story()).contains(Story.values());
        assertThat(shown).extracting(SimRun::ending).contains(Ending.values());
    }

    @Test
    void everyStoryStartsInAnyTenMinutesOfLiveJobs() {
        for (int minute = 0; minute < 60; minute++) {
            Instant from = EPOCH.plus(Duration.ofMinutes(minute));
            Instant to = from.plus(Duration.ofMinutes(10));

            assertThat(timeline.live(from, to)).filteredOn(run -> run.start().isAfter(from) && run.start().isBefore(to))
                    .extracting(run -> run.template().story()).contains(Story.values());
        }
    }

    @Test
    void liveJobsTakeFortySecondsToFourMinutes() {
        assertThat(timeline.live(EPOCH, EPOCH.plus(Duration.ofHours(2)))).extracting(SimRun::duration)
                .allSatisfy(time -> assertThat(time).isBetween(Duration.ofSeconds(40), Duration.ofMinutes(4)));
    }

    @Test
    void severalJobsRunAndSeveralWaitAtAnyTime() {
        Instant end = EPOCH.plus(Duration.ofDays(3));
        for (Instant moment = EPOCH.plusSeconds(5); moment.isBefore(end); moment = moment.plusSeconds(577)) {
            Instant now = moment;
            List<SimRun> all = all(timeline, now.minusSeconds(1), now);

            assertThat(all).filteredOn(run -> run.overlaps(now, now.plusNanos(1))).hasSizeBetween(2, 30);
            assertThat(all).filteredOn(run -> run.restarts() == 0 && run.start().isAfter(now))
                    .as("waiting at %s", now).extracting(run -> run.template().name()).hasSizeGreaterThanOrEqualTo(2);
        }
        assertThat(timeline.background(EPOCH.minusSeconds(1), EPOCH))
                .filteredOn(run -> run.overlaps(EPOCH, EPOCH.plusNanos(1))).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void someJobsHaveToWaitForResources() {
        assertThat(history(timeline)).filteredOn(run -> run.waitReason().equals("Resources")).isNotEmpty()
                .allSatisfy(run -> assertThat(run.start()).isAfter(run.submit()));
    }

    @Test
    void noNodeIsEverOverbooked() {
        for (long seed : SEEDS) {
            Timeline some = new Timeline(seed, EPOCH, 7);
            Instant show = EPOCH.plus(Duration.ofHours(2));
            Set<SimRun> runs = new HashSet<>(some.background(WEEK_BEFORE, EPOCH.plus(Duration.ofDays(14))));
            runs.addAll(some.live(EPOCH.minusSeconds(1), show));

            SimNode.ALL.forEach(machine -> assertNeverOverbooked(machine, runs));
        }
    }

    private static void assertNeverOverbooked(SimNode machine, Collection<SimRun> all) {
        List<SimRun> runs = all.stream().filter(run -> run.nodes().contains(machine.name())).toList();
        assertThat(runs).as(machine.name()).isNotEmpty();
        runs.forEach(starting -> {
            Instant moment = starting.start();
            List<SimRun> then = runs.stream().filter(run -> run.overlaps(moment, moment.plusNanos(1))).toList();
            List<Integer> gpus = then.stream().flatMap(run -> run.allocations().stream())
                    .filter(allocation -> allocation.node().equals(machine))
                    .flatMap(allocation -> allocation.gpus().stream()).toList();

            assertThat(then.stream().mapToInt(run -> run.template().cpus()).sum()).as("CPUs of %s at %s: %s",
                    machine.name(), moment, then).isLessThanOrEqualTo(machine.cpus());
            assertThat(then.stream().mapToLong(run -> run.template().memoryMb()).sum()).as("memory of %s at %s",
                    machine.name(), moment).isLessThanOrEqualTo(machine.memoryMb());
            assertThat(gpus).as("GPUs of %s at %s", machine.name(), moment).doesNotHaveDuplicates()
                    .allSatisfy(gpu -> assertThat(gpu).isBetween(0, machine.gpus() - 1));
        });
    }

    @Test
    void everyDayOfEverySeedFindsRoomForItsJobs() {
        for (long seed = 0; seed < 60; seed++) {
            Planner planner = new Planner(seed, EPOCH, 7);
            for (long day = 0; day < 7 + 34; day++) {
                assertThat(planner.day(day)).hasSizeGreaterThanOrEqualTo(Planner.JOBS_PER_DAY);
            }
        }
    }

    @Test
    void nothingRunsOnANodeThatIsDrainedOrDown() {
        assertThat(timeline.background(EPOCH.minus(Duration.ofDays(2)), EPOCH.plus(Duration.ofDays(14))))
                .noneMatch(run -> run.nodes().contains(Planner.DRAINED_NODE)
                        && run.overlaps(EPOCH.minus(Duration.ofDays(2)), Instant.MAX));
        Instant end = EPOCH.plus(Duration.ofMinutes(30));
        List<NodeReading> down = ticks(EPOCH, end).flatMap(tick -> timeline.states(tick).stream())
                .filter(reading -> reading.state() == NodeReading.State.DOWN).toList();

        assertThat(down).hasSizeGreaterThan(6).allSatisfy(reading -> {
            assertThat(reading.node()).isEqualTo("c10");
            assertThat(agents(reading.at())).extracting(Batch::node).hasSize(15).doesNotContain("c10");
        });
    }

    @Test
    void idsRiseInTheOrderOfSubmission() {
        for (List<SimRun> runs : List.of(history(timeline), timeline.live(EPOCH, EPOCH.plus(Duration.ofDays(1))))) {
            assertThat(runs.stream().sorted(Comparator.comparing(SimRun::jobId))).extracting(SimRun::submit)
                    .isSorted();
        }
    }

    @Test
    void eventsOfARunAreInOrder() {
        List<SimRun> runs = Stream.concat(history(timeline).stream(),
                timeline.live(EPOCH, EPOCH.plus(Duration.ofMinutes(20))).stream()).toList();

        assertThat(runs).allSatisfy(run -> {
            List<SimEvent> told = new EventPlan(run).between(Instant.MIN, Instant.MAX);

            assertThat(told).extracting(SimEvent::at).isSorted();
            assertThat(told.stream().filter(Prolog.class::isInstance)).hasSize(run.allocations().size());
            assertThat(told.stream().filter(Epilog.class::isInstance))
                    .hasSize(run.ending() == Ending.NODE_FAILURE ? 0 : run.allocations().size());
            assertThat(told.stream().filter(SchedulerReport.class::isInstance)
                    .map(happening -> ((SchedulerReport) happening).evidence().state()))
                    .containsExactlyElementsOf(run.restarts() == 0
                            ? List.of(JobState.PENDING, JobState.RUNNING, run.ending().state)
                            : List.of(JobState.RUNNING, run.ending().state));
            assertThat(run.start()).isBefore(run.end());
            assertThat(run.end()).isBeforeOrEqualTo(run.deadline());
        });
    }

    @Test
    void aRequeuedJobRunsTwiceUnderOneId() {
        List<SimRun> runs = history(timeline).stream().filter(run -> run.template().story() == Story.REQUEUED).toList();

        assertThat(runs).extracting(SimRun::jobId).containsExactly(1063L, 1063L);
        assertThat(runs).extracting(SimRun::restarts).containsExactly(0, 1);
        assertThat(runs).extracting(SimRun::ending).containsExactly(Ending.REQUEUED, Ending.COMPLETED);
        assertThat(runs.getLast().start()).isAfter(runs.getFirst().lastReport());
        assertThat(epilogs(runs.getFirst()).findFirst().orElseThrow().event().restartCount()).isEqualTo(1);
    }

    @Test
    void anArrayHasEightTasksOfWhichNumberFiveFails() {
        List<SimRun> tasks = history(timeline).stream().filter(run -> run.template().story() == Story.ARRAY).toList();

        assertThat(tasks).extracting(SimRun::jobId).containsExactly(1050L, 1051L, 1052L, 1053L, 1054L, 1055L, 1056L,
                1057L);
        assertThat(tasks).extracting(SimRun::task).containsExactlyElementsOf(
                LongStream.range(0, 8).mapToObj(n -> new SimRun.Task(1050, (int) n)).toList());
        assertThat(tasks).filteredOn(run -> run.ending() != Ending.COMPLETED).extracting(SimRun::jobId,
                SimRun::ending).containsExactly(tuple(1055L, Ending.EXIT_CODE_3));
    }

    @Test
    void prologsNameAsManyGpusAsAreAllocatedAndTheSamplesNameTheSame() {
        assertThat(history(timeline)).filteredOn(run -> run.template().gpus() > 0).isNotEmpty().allSatisfy(run -> {
            SimRun.Allocation allocation = run.allocations().getFirst();
            Prolog prolog = new EventPlan(run).between(Instant.MIN, Instant.MAX).stream()
                    .filter(Prolog.class::isInstance)
                    .map(Prolog.class::cast)
                    .findFirst().orElseThrow();

            assertThat(prolog.event().gpuDevices()).hasSize(run.template().gpus()).doesNotHaveDuplicates();
            assertThat(prolog.event().gpuAllocation()).isEqualTo(run.template().countedGpus());
            assertThat(new UsageModel(run, allocation).readings()).allSatisfy(usage -> assertThat(usage.gpus())
                    .extracting(GpuReading::gpu).containsExactlyElementsOf(prolog.event().gpuDevices()));
        });
    }

    @Test
    void readingsFitTheirRun() {
        List<SimRun> runs = Stream.concat(history(timeline).stream(),
                timeline.live(EPOCH, EPOCH.plus(Duration.ofHours(1))).stream()).toList();
        Set<Boolean> countsIo = new HashSet<>();
        for (SimRun run : runs) {
            for (SimRun.Allocation allocation : run.allocations()) {
                List<Usage> readings = new UsageModel(run, allocation).readings();
                readings.forEach(usage -> {
                    assertWithin(usage);
                    assertPartsOfTheMemoryAddUpToIt(usage);
                    assertThatWhatCannotBeReadIsAbsentAndSaysWhy(usage);
                });
                assertThatReadingsCoverAllOfTheTimeUnlessTheNodeFailed(run, readings);
                assertThatCountersNeverFallAndAreTheSumsOfTheReadings(readings);
                for (int gpu = 0; gpu < allocation.gpus().size(); gpu++) {
                    assertEnergyFitsPower(readings, gpu);
                }
                countsIo.add(allocation.node().countsIo());
            }
            assertThatEpilogsAgreeWithTheReadings(run);
        }
        assertThat(runs).hasSizeGreaterThan(200);
        assertThat(countsIo).containsExactlyInAnyOrder(true, false);
    }

    private static void assertWithin(Usage usage) {
        assertThat(usage.cpuPercent()).isBetween(0.0, 100.0);
        assertThat(usage.memoryBytes()).isBetween(1L, usage.run().template().memoryMb() << 20);
        assertThat(usage.tick().getEpochSecond() % 15).isZero();
        assertThat(Duration.between(usage.at(), usage.tick())).isBetween(Duration.ZERO, Duration.ofSeconds(14));
        assertThat(usage.interval()).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(15));
        assertThat(usage.gpus()).allSatisfy(gpu -> {
            assertThat(gpu.utilizationPercent()).isBetween(0.0, 100.0);
            assertThat(gpu.memoryUsedBytes()).isBetween(1L, 80L << 30);
            if (gpu.device().parent() == null) {
                assertThat(gpu.powerWatts()).isBetween(20.0, 400.0);
            } else {
                assertThat(gpu.powerWatts()).isNull();
                assertThat(gpu.absent()).containsOnlyKeys("power_watts", "energy_joules");
            }
            assertThat(gpu.temperatureCelsius()).isBetween(20.0, 95.0);
        });
    }

    private static void assertThatReadingsCoverAllOfTheTimeUnlessTheNodeFailed(SimRun run, List<Usage> readings) {
        long covered = readings.stream().mapToLong(use -> use.interval().toSeconds()).sum();
        if (run.ending() == Ending.NODE_FAILURE) {
            assertThat(run.duration().toSeconds() - covered).isBetween(0L, 14L);
            assertThat(readings).noneMatch(TimelineTest::isLast);
        } else {
            assertThat(covered).isEqualTo(run.duration().toSeconds());
            assertThat(readings.getLast().at()).isEqualTo(run.end());
            assertThat(readings).filteredOn(TimelineTest::isLast).containsExactly(readings.getLast());
        }
    }

    private static boolean isLast(Usage usage) {
        return Boolean.TRUE.equals(usage.reading().last());
    }

    private static void assertThatCountersNeverFallAndAreTheSumsOfTheReadings(List<Usage> readings) {
        JobReading before = null;
        double cpuSeconds = 0;
        long peak = 0;
        for (Usage usage : readings) {
            JobReading now = usage.reading();
            cpuSeconds += usage.busyCpus() * usage.interval().toSeconds();
            peak = Math.max(peak, usage.memoryBytes());
            assertThat(now.cpuUsageUsec() / 1e6).isCloseTo(cpuSeconds, within(0.01));
            assertThat(now.cpuUserUsec() + now.cpuSystemUsec()).isEqualTo(now.cpuUsageUsec());
            assertThat(now.memoryPeakBytes()).isEqualTo(peak);
            assertThat(now.memoryStallUsec()).isLessThanOrEqualTo(now.memoryPressureUsec());
            assertThat(now.ioStallUsec()).isLessThanOrEqualTo(now.ioPressureUsec());
            if (before != null) {
                assertNoneFell(counters(before), counters(now));
            }
            before = now;
        }
    }

    private static void assertNoneFell(List<Long> before, List<Long> now) {
        for (int i = 0; i < now.size(); i++) {
            assertThat(now.get(i)).isGreaterThanOrEqualTo(before.get(i));
        }
    }

    private static List<Long> counters(JobReading reading) {
        return Stream.of(reading.cpuUserUsec(), reading.cpuSystemUsec(), reading.cpuPressureUsec(),
                reading.memoryPressureUsec(), reading.memoryStallUsec(), reading.oomEvents(), reading.oomKills(),
                reading.ioReadBytes(), reading.ioWriteBytes(), reading.ioPressureUsec(), reading.ioStallUsec())
                .filter(Objects::nonNull).toList();
    }

    private static void assertEnergyFitsPower(List<Usage> readings, int gpu) {
        for (int i = 1; i < readings.size(); i++) {
            GpuReading before = readings.get(i - 1).gpus().get(gpu);
            GpuReading now = readings.get(i).gpus().get(gpu);
            if (now.vendor() == GpuVendor.AMD || now.device().parent() != null) {
                assertThat(now.energyJoules()).isNull();
                assertThat(now.absent()).containsKey("energy_joules");
            } else {
                assertThat(now.energyJoules() - before.energyJoules())
                        .isCloseTo(now.powerWatts() * readings.get(i).interval().toSeconds(), within(0.01));
            }
        }
    }

    private static void assertPartsOfTheMemoryAddUpToIt(Usage usage) {
        JobReading reading = usage.reading();
        long kernel = reading.memoryUsageBytes() - reading.memoryAnonBytes() - reading.memoryFileBytes();

        assertThat((double) kernel / reading.memoryUsageBytes()).isBetween(0.0, 0.01);
        assertThat(reading.memoryAnonBytes()).isPositive();
        assertThat(reading.memoryShmemBytes()).isBetween(0L, reading.memoryFileBytes());
        assertThat(reading.memoryLimitBytes()).isEqualTo(usage.run().template().memoryMb() << 20);
    }

    private static void assertThatWhatCannotBeReadIsAbsentAndSaysWhy(Usage usage) {
        if (usage.node().startsWith("m")) {
            assertThat(usage.reading().ioReadBytes()).isNull();
            assertThat(usage.reading().ioWriteBytes()).isNull();
            assertThat(usage.reading().absent()).containsOnlyKeys("io_read_bytes", "io_write_bytes");
        } else {
            assertThat(usage.reading().absent()).isEmpty();
        }
    }

    private static void assertThatEpilogsAgreeWithTheReadings(SimRun run) {
        List<Epilog> epilogs = epilogs(run).toList();
        assertThat(epilogs).hasSize(run.ending() == Ending.NODE_FAILURE ? 0 : run.allocations().size());
        assertThat(epilogs).allSatisfy(epilog -> {
            EpilogReading reading = epilog.event().reading();
            List<Usage> samples = run.allocations().stream()
                    .filter(allocation -> allocation.node().name().equals(epilog.event().node()))
                    .flatMap(allocation -> new UsageModel(run, allocation).readings().stream()).toList();
            double used = samples.stream().mapToDouble(use -> use.busyCpus() * use.interval().toSeconds()).sum();
            long peak = samples.stream().mapToLong(Usage::memoryBytes).max().orElseThrow();

            assertThat(reading.cpuUsageUsec() / 1e6).isCloseTo(used, within(0.01));
            assertThat(reading.memoryPeakBytes()).isEqualTo(peak);
            assertThat(reading.oomKills()).isEqualTo(run.ending() == Ending.OUT_OF_MEMORY ? 1 : 0);
            if (run.ending() == Ending.OUT_OF_MEMORY) {
                assertThat(reading.memoryPeakBytes()).isEqualTo(run.template().memoryMb() << 20);
            }
        });
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

        JobReading cached = last(Story.PAGE_CACHE);
        assertThat(cached.memoryFileBytes()).isGreaterThan(9 * cached.memoryAnonBytes());
        JobReading killed = last(Story.OUT_OF_MEMORY);
        assertThat((double) killed.memoryAnonBytes() / killed.memoryLimitBytes()).isGreaterThan(0.98);
        assertThat(killed.oomEvents()).isEqualTo(1);
        assertThat(killed.oomKills()).isEqualTo(1);
        assertThat(killed.oomKillEvents()).singleElement().satisfies(kill -> {
            assertThat(kill.timestamp()).isBetween(killed.timestamp().minusSeconds(1), killed.timestamp());
            assertThat(kill.limitBytes()).isEqualTo(killed.memoryLimitBytes());
            assertThat(kill.cause()).isEqualTo(OomCause.LIMIT);
        });
        assertThat(samples(scheduled(Story.OUT_OF_MEMORY)).filter(usage -> usage.reading().oomKills() > 0)).hasSize(1);
        assertThat(ofItsTime(Story.MEMORY_STALL, JobReading::memoryStallUsec)).isBetween(0.2, 0.4);
        assertThat(ofItsTime(Story.CPU_BOUND, JobReading::memoryPressureUsec)).isZero();
        assertThat(ofItsTime(Story.IO_BOUND, JobReading::ioPressureUsec)).isBetween(0.5, 0.7);
        assertThat(last(Story.IO_BOUND).ioReadBytes()).isGreaterThan(1L << 42);
        assertThat(
                samples(scheduled(Story.IDLE_GPUS)).flatMap(usage -> usage.gpus().stream()).map(GpuReading::processes))
                .contains(0L, 1L);
        assertThat(samples(scheduled(Story.GPU_SLICE)).flatMap(usage -> usage.gpus().stream())).isNotEmpty()
                .allSatisfy(gpu -> assertThat(gpu.gpu()).startsWith("MIG-"));
        assertThat(samples(scheduled(Story.GPU_SHARD)).flatMap(usage -> usage.gpus().stream())).isNotEmpty()
                .allSatisfy(gpu -> assertThat(gpu.sharedBy()).hasSize(1));
    }

    @Test
    void agentsReportEachGpuAlsoFreeOnes() {
        Set<Boolean> held = new HashSet<>();
        ticks(EPOCH, EPOCH.plus(Duration.ofMinutes(9))).flatMap(tick -> agents(tick).stream()).forEach(batch -> {
            SimNode machine = SimNode.named(batch.node());
            assertThat(batch.gpus()).extracting(GpuReading::gpu).containsOnlyOnceElementsOf(IntStream
                    .range(0, machine.gpus()).mapToObj(index -> new Gpu(machine, index).name()).toList());
            batch.gpus().forEach(gpu -> held.add(gpu.holders() > 0));
        });
        assertThat(held).containsOnly(true, false);
    }

    private JobReading last(Story story) {
        return samples(scheduled(story)).toList().getLast().reading();
    }

    private double ofItsTime(Story story, Function<JobReading, Long> counter) {
        return counter.apply(last(story)) / 1e6 / scheduled(story).getLast().duration().toSeconds();
    }

    private List<SimRun> scheduled(Story story) {
        return history(timeline).stream().filter(TimelineTest::isScheduled)
                .filter(run -> run.template().story() == story).toList();
    }

    private double average(Story story) {
        return samples(scheduled(story)).mapToDouble(Usage::cpuPercent).average().orElseThrow();
    }

    private double averageGpu(Story story) {
        return samples(scheduled(story)).mapToDouble(use -> 100 * use.busyGpus() / use.gpus().size()).average()
                .orElseThrow();
    }

    private double peakOfLimit(Story story) {
        return samples(scheduled(story)).mapToDouble(use -> (double) use.memoryBytes()
                / (use.run().template().memoryMb() << 20)).max().orElseThrow();
    }

    @Test
    void aNodeShowsExactlyTheSumOfItsJobs() {
        Random random = new Random(3);
        for (int i = 0; i < 150; i++) {
            Instant tick = Ticks.last(EPOCH.plusSeconds(random.nextInt(3 * 86_400)));
            List<Usage> all = Timeline.usage(all(timeline, tick.minusSeconds(15), tick), tick.minusSeconds(1), tick)
                    .toList();
            List<NodeReading> states = timeline.states(tick);
            Map<String, NodeFigures> figures = agents(tick).stream()
                    .collect(Collectors.toMap(Batch::node, Batch::nodeFigures));

            assertThat(states).extracting(NodeReading::node)
                    .containsExactlyElementsOf(SimNode.ALL.stream().map(SimNode::name).toList());
            assertThat(states).filteredOn(state -> state.state() != NodeReading.State.DOWN)
                    .extracting(NodeReading::node).containsExactlyInAnyOrderElementsOf(figures.keySet());
            assertThat(states).filteredOn(state -> figures.containsKey(state.node())).allSatisfy(state -> {
                SimNode machine = SimNode.named(state.node());
                NodeFigures reading = figures.get(state.node());
                List<Usage> here = all.stream()
                        .filter(use -> use.node().equals(state.node()) && use.at().equals(tick)).toList();
                double busy = here.stream().mapToDouble(use -> use.cpuPercent() / 100 * use.run().template().cpus())
                        .sum();
                int allocated = here.stream().mapToInt(use -> use.run().template().cpus()).sum();

                assertThat(reading.cpuUsagePercent()).isCloseTo(busy / machine.cpus() * 100, within(1e-9));
                assertThat(reading.cpuLoad()).isCloseTo(busy, within(1e-9));
                assertThat(reading.memoryUsageBytes()).isEqualTo(here.stream().mapToLong(Usage::memoryBytes).sum());
                if (machine.gpus() == 0) {
                    assertThat(reading.gpuUsagePercent()).isNull();
                } else {
                    assertThat(reading.gpuUsagePercent()).isCloseTo(here.stream().flatMap(use -> use.gpus().stream())
                            .mapToDouble(GpuReading::utilizationPercent).sum() / machine.gpus(), within(1e-9));
                }
                assertThat(state.state()).isIn(allocated == machine.cpus()
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
        Set<NodeReading.State> seen = EnumSet.noneOf(NodeReading.State.class);
        Set<NodeReading.State> all = EnumSet.of(NodeReading.State.IDLE, NodeReading.State.MIXED,
                NodeReading.State.ALLOCATED, NodeReading.State.DRAINED, NodeReading.State.DOWN);
        Instant end = EPOCH.plus(Duration.ofDays(2));
        for (Instant tick = Ticks.after(EPOCH); tick.isBefore(end)
                && !seen.containsAll(all); tick = tick.plusSeconds(60)) {
            timeline.states(tick).forEach(reading -> seen.add(reading.state()));
        }
        assertThat(seen).containsAll(all);
    }

    @Test
    void theWeekHasATolerableNumberOfSamples() {
        assertThat(Timeline.usage(history(timeline), WEEK_BEFORE, EPOCH).count()).isBetween(100_000L, 250_000L);
    }

    @Test
    void idsOfBackgroundAndLiveJobsNeverMeet() {
        long lastInTenYears = Planner.FIRST_ID + 3660L * Planner.JOBS_PER_DAY;

        assertThat(lastInTenYears).isLessThan(Planner.FIRST_LIVE_ID);
    }

    private static Stream<Usage> samples(List<SimRun> runs) {
        return runs.stream()
                .flatMap(run -> run.allocations().stream()
                        .flatMap(allocation -> new UsageModel(run, allocation).readings().stream()));
    }

    private static Stream<Instant> ticks(Instant from, Instant to) {
        return Stream.iterate(Ticks.after(from), tick -> !tick.isAfter(to), Ticks::after);
    }

    /** What the agents of all nodes send at a tick. */
    private List<Batch> agents(Instant tick) {
        return timeline.batchesOfAll(all(timeline, tick.minus(Ticks.INTERVAL), tick), tick);
    }

    private static Stream<Epilog> epilogs(SimRun run) {
        return new EventPlan(run).between(Instant.MIN, Instant.MAX).stream().filter(Epilog.class::isInstance)
                .map(Epilog.class::cast);
    }

    private static List<SimRun> history(Timeline timeline) {
        return timeline.background(WEEK_BEFORE, EPOCH);
    }

    private static List<SimRun> all(Timeline timeline, Instant from, Instant to) {
        return Stream.concat(timeline.background(from, to).stream(), timeline.live(from, to).stream()).toList();
    }

    private static List<SimEvent> events(Timeline timeline, Instant from, Instant to) {
        return Timeline.events(all(timeline, from, to), from, to);
    }

    private static Instant earlier(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }
}
