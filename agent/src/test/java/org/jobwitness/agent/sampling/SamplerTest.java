package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jobwitness.agent.cgroup.CgroupTree;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.clock.TestClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomCause;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sampler at work on a tree of plain files, which inotify tells of as it does of cgroups. */
class SamplerTest {
    private static final Duration GATHERED = Duration.ofMillis(100);
    /** How long an event of inotify may take to arrive, before the clock goes on. */
    private static final long EVENT_LATENCY_NANOS = 2_000_000;
    /** Longer than any test. */
    private static final int LONG_INTERVAL = 300;
    private static final Duration MAX_STEP = Duration.ofMillis(50);
    private static final int MAX_STEPS = 4000;

    @TempDir
    Path folder;
    private CgroupTree tree;
    private final List<Sent> sent = new ArrayList<>();
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();
    private final List<GpuSource> gpuSources = new ArrayList<>();
    private final TestClock clock = new TestClock();
    private Watch watch;
    private Gpus gpus;
    private Sampler sampler;

    private record Sent(Batch batch, boolean atOnce) {
    }

    @BeforeEach
    void node() throws IOException {
        tree = new CgroupTree(folder.resolve("cgroup"));
        Path proc = folder.resolve("proc");
        Files.createDirectories(proc.resolve("sys/kernel"));
        Files.writeString(proc.resolve("sys/kernel/hostname"), "n7.example.org\n");
        Files.writeString(proc.resolve("stat"), "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\ncpu1 1\nbtime 1795000000\n");
        Files.writeString(proc.resolve("meminfo"), "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n");
        Files.writeString(proc.resolve("loadavg"), "0.50 0.40 0.30 1/200 4711\n");
    }

    @AfterEach
    void stop() {
        if (sampler != null) {
            sampler.close();
            gpus.close();
        }
        assertThat(log.toString(StandardCharsets.UTF_8)).doesNotContain("sampling_failed");
    }

    private void start(int intervalSeconds, String... more) throws Exception {
        List<String> flags = new ArrayList<>(List.of("--interval=" + intervalSeconds, "--cgroup-root=" + tree.root(),
                "--proc-root=" + folder.resolve("proc"), "--spool-dir=" + folder.resolve("spool"),
                "--dir=" + folder, "--cluster=rig"));
        flags.addAll(List.of(more));
        AgentConfig config = AgentConfig.read(flags, Map.of(), folder.resolve("none"));
        Log lines = new Log(new PrintStream(log, true, StandardCharsets.UTF_8));
        NodeClock now = clock.clock();
        gpus = new Gpus(gpuSources, now, lines);
        watch = new Watch(config.cgroupRoot(), now);
        sampler = new Sampler(config, watch, gpus, (batch, atOnce) -> sent.add(new Sent(batch, atOnce)), () -> {
        }, "test", now, lines);
        sampler.start();
    }

    /** Has the sampler handle what happened; if nothing did, a little time passes, at most until it has something to do. */
    private void step() throws InterruptedException {
        List<Watch.Event> events = watch.await(EVENT_LATENCY_NANOS);
        if (events.isEmpty()) {
            long nanos = Math.min(MAX_STEP.toNanos(), sampler.nanosUntilNext());
            clock.advance(Duration.ofNanos(Math.max(1, nanos)));
        }
        sampler.step(events);
    }

    private void stepUntil(String what, BooleanSupplier isSo) throws InterruptedException {
        for (int steps = 0; !isSo.getAsBoolean(); steps++) {
            assertThat(steps).as("%s; sent %s\n%s", what, sent, log).isLessThan(MAX_STEPS);
            step();
        }
    }

    /** Waits for a batch that has a reading of such a kind. */
    private JobReading reading(Predicate<JobReading> wanted) throws InterruptedException {
        return reading(_ -> true, wanted);
    }

    private JobReading reading(Predicate<Sent> from, Predicate<JobReading> wanted) throws InterruptedException {
        Supplier<Stream<JobReading>> found = () -> sent.stream().filter(from).flatMap(one -> one.batch.jobs().stream())
                .filter(wanted);
        stepUntil("a reading", () -> found.get().findAny().isPresent());
        return found.get().findFirst().orElseThrow();
    }

    private Batch batch(Predicate<Batch> wanted) throws InterruptedException {
        Supplier<Stream<Batch>> found = () -> sent.stream().map(Sent::batch).filter(wanted);
        stepUntil("a batch", () -> found.get().findAny().isPresent());
        return found.get().findFirst().orElseThrow();
    }

    @Test
    void jobsAndNodeAreReadOnTheWallClock() throws Exception {
        tree.job("job_5");
        start(1);
        Batch second = batch(SamplerTest::isOnTime);
        assertThat(second.node()).isEqualTo("n7");
        assertThat(second.cluster()).isEqualTo("rig");
        assertThat(second.nodeFigures().totalCpus()).isEqualTo(2);
        assertThat(second.nodeFigures().memoryUsageBytes()).isEqualTo(400 * 1024);
        assertThat(second.nodeFigures().cpuLoad()).isEqualTo(0.5);
        assertThat(second.jobs()).hasSize(1).allSatisfy(job -> {
            assertThat(job.jobId()).isEqualTo("5");
            assertThat(job.timestamp()).as("the batch's").isNull();
            assertThat(job.cpusUsed()).isEqualTo(0);
        });
        assertThat(sent).extracting(one -> one.batch.sequence()).startsWith(1L, 2L);
        assertThat(sent).extracting(one -> one.batch.bootId()).containsOnly(second.bootId());
    }

    /** Soon after a full second, and so was the one before. */
    private static boolean isOnTime(Batch batch) {
        return batch.intervalMs() != null && batch.intervalMs() >= 500 && batch.intervalMs() <= 1500
                && batch.timestamp().toEpochMilli() % 1000 < 500;
    }

    @Test
    void aJobThatComesAndGoesBetweenReadingsIsTold() throws Exception {
        tree.scope();
        tree.job("job_5");
        start(LONG_INTERVAL);
        reading(one -> one.jobId().equals("5")); // what was there has been listed
        Instant before = clock.instant();
        Path job = tree.job("job_6");
        JobReading first = reading(one -> one.jobId().equals("6"));
        assertThat(first.since()).isBetween(before.minusMillis(1), clock.instant());
        assertThat(first.cpusUsed()).as("it has counted from 0").isPositive();

        tree.write("system.slice/slurmstepd.scope/job_6/cpu.stat", "usage_usec 9000000\n");
        tree.write("system.slice/slurmstepd.scope/job_6/cgroup.events", "populated 0\nfrozen 0\n");
        waitUntilHandled();
        tree.remove(job);
        JobReading last = reading(one -> Boolean.TRUE.equals(one.last()));
        assertThat(last.cpuUsageUsec()).isEqualTo(9000000);
        assertThat(last.memoryPeakBytes()).isEqualTo(2000000);
        assertThat(sent).allSatisfy(one -> assertThat(one.atOnce).isTrue());
    }

    @Test
    void anOomKillIsToldAtOnce() throws Exception {
        Path job = tree.job("job_7");
        tree.step(job, "batch", 0, 0, "max");
        start(LONG_INTERVAL);
        reading(one -> one.jobId().equals("7"));
        Instant before = clock.instant();
        tree.step(job, "batch", 0, 1, "max");
        tree.write("system.slice/slurmstepd.scope/job_7/memory.events", CgroupTree.events(1, 1));
        JobReading killed = reading(one -> !one.oomKillEvents().isEmpty());
        assertThat(killed.oomKills()).isEqualTo(1);
        assertThat(killed.oomKillEvents()).hasSize(1).allSatisfy(kill -> {
            assertThat(kill.timestamp()).isBetween(before.minusMillis(1), before.plusSeconds(5));
            assertThat(kill.step()).isEqualTo("batch");
            assertThat(kill.limitBytes()).isEqualTo(4000000);
            assertThat(kill.cause()).isEqualTo(OomCause.LIMIT);
        });
    }

    @Test
    void anOomKillIsToldEvenIfTheJobIsGoneRightAfter() throws Exception {
        Path job = tree.job("job_8");
        start(LONG_INTERVAL);
        reading(one -> one.jobId().equals("8"));
        tree.write("system.slice/slurmstepd.scope/job_8/memory.events", CgroupTree.events(1, 1));
        waitUntilHandled();
        tree.remove(job);
        JobReading last = reading(one -> Boolean.TRUE.equals(one.last()) || !one.oomKillEvents().isEmpty());
        assertThat(last.oomKillEvents()).hasSize(1);
    }

    @Test
    void aChangedLimitIsToldWithinSeconds() throws Exception {
        tree.job("job_9");
        start(LONG_INTERVAL);
        reading(one -> one.jobId().equals("9"));
        tree.write("system.slice/slurmstepd.scope/job_9/memory.max", "5000000\n");
        assertThat(reading(one -> one.memoryLimitBytes() == 5000000)).isNotNull();
    }

    @Test
    void aJobThatLivesAtItsLimitDoesNotMakeTheAgentBusy() throws Exception {
        Path job = tree.job("job_10");
        start(LONG_INTERVAL);
        reading(one -> one.jobId().equals("10"));
        int before = sent.size();
        Instant until = clock.instant().plusSeconds(2);
        int writes = 0;
        while (writes <= 300 || clock.instant().isBefore(until)) {
            Files.writeString(job.resolve("memory.events"),
                    "low 0\nhigh 0\nmax " + writes++ + "\noom 0\noom_kill 0\noom_group_kill 0\n");
            step();
        }
        assertThat(sent.size()).as("nobody was killed, so there is nothing to tell").isEqualTo(before);
        tree.write("system.slice/slurmstepd.scope/job_10/memory.events", CgroupTree.events(1, 1));
        assertThat(reading(one -> !one.oomKillEvents().isEmpty()).oomKillEvents()).hasSize(1);
    }

    @Test
    void theNodesNameComesFromTheScopeWhereItHasOne() throws Exception {
        tree.captured();
        tree.folder("system.slice/n2_slurmstepd.scope");
        start(1, "--node=n1,n2");
        assertThat(batch(batch -> batch.node().equals("n1")).jobs()).extracting(JobReading::jobId).containsExactly("2");
        assertThat(batch(batch -> batch.node().equals("n2")).jobs()).isEmpty();
    }

    @Test
    void aSluidIsAJobOnceThePrologTells() throws Exception {
        Files.createDirectories(folder.resolve("spool/events"));
        tree.job("sEKNKTV3WPV500");
        start(1);
        waitForLog("job_unknown cgroup=sEKNKTV3WPV500");
        Path event = folder.resolve("spool/events/1795384829-57-started-16076.json");
        Files.writeString(folder.resolve("spool/tmp"), """
                {"event_id":"n7-57-started-1795384829-16076","job_id":"57","cluster":"rig","sluid":"sEKNKTV3WPV500",\
                "start_time":"2026-11-22T22:00:29Z","node":"n7","user":"alice","uid":1001,"node_list":["n7"]}
                """);
        Files.move(folder.resolve("spool/tmp"), event);
        JobReading job = reading(one -> one.jobId().equals("57"));
        assertThat(job.sluid()).isEqualTo("sEKNKTV3WPV500");
        assertThat(job.startTime()).isEqualTo("2026-11-22T22:00:29Z");
        assertThat(job.user()).isEqualTo("alice");
        assertThat(job.uid()).isEqualTo(1001L);
    }

    @Test
    void aSluidIsAJobAlsoByTheTitleOfItsSlurmstepd() throws Exception {
        Path job = tree.job("s5K1KKYAYG5D00");
        tree.write(tree.root().relativize(job) + "/step_batch/slurm/cgroup.procs", "4242\n");
        Files.createDirectories(folder.resolve("proc/4242"));
        Files.writeString(folder.resolve("proc/4242/cmdline"), "slurmstepd: [58.batch]\0\0");
        Files.writeString(folder.resolve("proc/4242/stat"),
                "4242 (slurm) stepd) S 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 4 0 123456 1 1 1");
        start(1);
        JobReading reading = reading(one -> one.jobId().equals("58"));
        assertThat(reading.since()).as("since its slurmstepd was started").isEqualTo("2026-11-18T11:27:14.560Z");
    }

    @Test
    void aCgroupThatIsMadeAnewIsTheSameJob() throws Exception {
        Path job = tree.job("job_11");
        start(1);
        Instant since = reading(one -> one.jobId().equals("11")).since();
        tree.remove(job);
        reading(one -> Boolean.TRUE.equals(one.last()));
        tree.job("job_11");
        assertThat(reading(one -> one.last() == null && one.cpuUsageUsec() == 6_000_000).since()).isEqualTo(since);
    }

    @Test
    void fiveHundredJobsThatComeAtOnceAndGoAtOnceAreAllTold() throws Exception {
        tree.scope();
        start(1);
        waitForLog("scope_found");
        Instant began = clock.instant();
        for (int i = 1; i <= 500; i++) {
            tree.job("job_" + i);
        }
        for (int i = 1; i <= 500; i++) {
            String id = String.valueOf(i);
            reading(one -> one.jobId().equals(id));
        }
        for (int i = 1; i <= 500; i++) {
            tree.remove(tree.scope().resolve("job_" + i));
        }
        for (int i = 1; i <= 500; i++) {
            String id = String.valueOf(i);
            reading(one -> one.jobId().equals(id) && Boolean.TRUE.equals(one.last()));
        }
        Duration took = Duration.between(began, clock.instant());
        assertThat(sent.stream().filter(Sent::atOnce)).as("told at once in %s, but gathered", took)
                .hasSizeLessThanOrEqualTo((int) took.dividedBy(GATHERED) + 1);
    }

    @Test
    void aFolderThatIsLeftBehindEmptyIsNoTrouble() throws Exception {
        tree.job("job_12");
        tree.write("system.slice/slurmstepd.scope/job_12/cgroup.events", "populated 0\nfrozen 0\n");
        tree.job("job_13");
        start(1);
        reading(one -> one.jobId().equals("13"));
    }

    // --- GPUs -------------------------------------------------------------------------------------------------------

    /** A driver that says what it is told to say; it hangs in what is given as null. */
    private static final class Driver implements GpuSource {
        private final AtomicReference<List<GpuState>> says = new AtomicReference<>(List.of());
        private final CountDownLatch hangs = new CountDownLatch(1);
        private volatile boolean isHanging;

        private Driver says(GpuState... states) {
            says.set(List.of(states));
            return this;
        }

        @Override
        public String name() {
            return "driver";
        }

        @Override
        public List<GpuState> read() {
            try {
                if (isHanging) {
                    hangs.await();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return says.get();
        }

        @Override
        public void release() {
            // It holds nothing.
        }

        @Override
        public void close() {
            hangs.countDown();
        }
    }

    private static GpuState gpu(int index, double utilization, Integer... pids) {
        return new GpuState(
                new GpuName(GpuVendor.NVIDIA, "GPU-" + index, "00000000:0%d:00.0".formatted(index + 1), index, index,
                        null, "A100"),
                utilization, 1L << 30, 40L << 30, 300.0, 50.0, 1e6, 1400, List.of(), 0L, List.of(),
                Stream.of(pids).map(pid -> new GpuProcess(pid, null, null)).toList(), Map.of());
    }

    private void prolog(String jobId, String gpuDevices) throws IOException {
        Files.createDirectories(folder.resolve("spool/events"));
        Files.writeString(folder.resolve("spool/tmp"), """
                {"event_id":"n7-%1$s-started-1795384829-1","job_id":"%1$s","cluster":"rig",\
                "start_time":"2026-11-22T22:00:29Z","node":"n7","user":"alice","uid":1001,"node_list":["n7"]%2$s}
                """.formatted(jobId, gpuDevices));
        Files.move(folder.resolve("spool/tmp"),
                folder.resolve("spool/events/1795384829-" + jobId + "-started-1.json"));
    }

    private void process(int pid, String cgroup) throws IOException {
        Files.createDirectories(folder.resolve("proc/" + pid));
        Files.writeString(folder.resolve("proc/" + pid + "/cgroup"), "0::" + cgroup + "\n");
    }

    /** Waits for a reading of one GPU. */
    private GpuReading gpuReading(String gpu, Predicate<GpuReading> wanted) throws InterruptedException {
        Batch batch = batch(one -> one.gpus().stream().anyMatch(each -> each.gpu().equals(gpu) && wanted.test(each)));
        return batch.gpus().stream().filter(each -> each.gpu().equals(gpu) && wanted.test(each)).findFirst()
                .orElseThrow();
    }

    @Test
    void aGpuIsToldWithTheJobThatHoldsItAndWithHowManyProcesses() throws Exception {
        gpuSources.add(new Driver().says(gpu(0, 0), gpu(1, 80, 4711, 1), gpu(2, 10)));
        tree.job("job_5");
        tree.job("job_6");
        process(4711, "/system.slice/slurmstepd.scope/job_6/step_0/user/task_0");
        process(1, "/init.scope");
        prolog("5", ",\"gpu_allocation\":1,\"gpu_devices\":[\"0\"]");
        prolog("6", ",\"gpu_allocation\":1,\"gpu_devices\":[\"GPU-1\"],\"gpu_vendor\":\"nvidia\"");
        start(1);
        GpuReading idle = gpuReading("GPU-0", gpu -> "5".equals(gpu.jobId()));
        assertThat(idle.processes()).as("held, and nothing runs on it").isZero();
        assertThat(idle.device().model()).isEqualTo("A100");
        GpuReading busy = gpuReading("GPU-1", gpu -> "6".equals(gpu.jobId()) && gpu.utilizationPercent() != null);
        assertThat(busy.processes()).isEqualTo(1);
        assertThat(busy.utilizationPercent()).isEqualTo(80.0);
        GpuReading free = gpuReading("GPU-2", gpu -> true);
        assertThat(free.jobId()).isNull();
        assertThat(free.absent()).doesNotContainKey("job_id");
        Batch batch = batch(one -> one.gpus().size() == 3);
        assertThat(batch.nodeFigures().totalGpus()).isEqualTo(3);
        assertThat(batch.nodeFigures().gpuUsagePercent()).isEqualTo(30.0);
    }

    @Test
    void anAgentThatIsStartedAnewKnowsWhoHoldsAnIdleGpu() throws Exception {
        Path bootId = folder.resolve("proc/sys/kernel/random/boot_id");
        Files.createDirectories(bootId.getParent());
        Files.writeString(bootId, "2b1f\n");
        gpuSources.add(new Driver().says(gpu(0, 0)));
        tree.job("job_5");
        prolog("5", ",\"gpu_devices\":[\"GPU-0\"]");
        start(1);
        gpuReading("GPU-0", gpu -> "5".equals(gpu.jobId()));
        stepUntil("the events are stored", () -> Files.exists(folder.resolve("prolog-events")));
        stop();
        Files.delete(folder.resolve("spool/events/1795384829-5-started-1.json"));
        sent.clear();
        gpuSources.set(0, new Driver().says(gpu(0, 0)));
        start(1);
        assertThat(gpuReading("GPU-0", gpu -> true).jobId()).isEqualTo("5");
        assertThat(reading(one -> one.jobId().equals("5")).startTime()).isEqualTo("2026-11-22T22:00:29Z");
    }

    @Test
    void aJobWhosePrologNobodyHeardMayHoldAnyGpu() throws Exception {
        gpuSources.add(new Driver().says(gpu(0, 0)));
        tree.job("job_5");
        start(1);
        GpuReading gpu = gpuReading("GPU-0", one -> !one.claimedBy().isEmpty());
        assertThat(gpu.claimedBy()).containsExactly("5");
        assertThat(gpu.absent()).containsEntry("job_id", "the prolog event of job 5 was not seen");
    }

    @Test
    void aDriverThatHangsKeepsNobodyWaiting() throws Exception {
        Driver driver = new Driver().says(gpu(0, 30));
        gpuSources.add(driver);
        tree.job("job_5");
        start(1);
        gpuReading("GPU-0", gpu -> gpu.utilizationPercent() != null);
        driver.isHanging = true;
        GpuReading gpu = gpuReading("GPU-0", one -> one.utilizationPercent() == null);
        assertThat(gpu.absent()).containsEntry("utilization_percent", "driver has not answered yet")
                .containsEntry("processes", "driver has not answered yet");
        int before = sent.size();
        stepUntil("another batch", () -> sent.size() > before);
        driver.close();
    }

    @Test
    void theFirstIntervalOfAJobIsNotAllItsOwn() throws Exception {
        gpuSources.add(new Driver().says(gpu(0, 30)));
        tree.scope();
        start(2);
        gpuReading("GPU-0", gpu -> gpu.utilizationPercent() != null);
        prolog("5", ",\"gpu_devices\":[\"0\"]");
        tree.job("job_5");
        GpuReading first = gpuReading("GPU-0", gpu -> "5".equals(gpu.jobId()));
        assertThat(first.utilizationPercent()).isNull();
        assertThat(first.absent()).containsEntry("utilization_percent",
                "the job has held it for less than the interval");
        assertThat(gpuReading("GPU-0", gpu -> "5".equals(gpu.jobId()) && gpu.utilizationPercent() != null)
                .utilizationPercent()).isEqualTo(30.0);
    }

    @Test
    void severalSlurmdOfOneMachineTellOfItsGpusOnce() throws Exception {
        gpuSources.add(new Driver().says(gpu(0, 0), gpu(1, 0)));
        tree.folder("system.slice/n7_slurmstepd.scope");
        Path job = tree.job("job_5");
        Files.createDirectories(tree.root().resolve("system.slice/n8_slurmstepd.scope"));
        Files.move(job, tree.root().resolve("system.slice/n8_slurmstepd.scope/job_5"));
        tree.remove(tree.scope());
        prolog("5", ",\"gpu_devices\":[\"1\"]");
        start(1, "--node=n7,n8");
        assertThat(batch(one -> one.node().equals("n8") && !one.gpus().isEmpty()).gpus()).extracting(GpuReading::gpu)
                .containsExactly("GPU-1");
        assertThat(batch(one -> one.node().equals("n7") && !one.gpus().isEmpty()).gpus()).extracting(GpuReading::gpu)
                .containsExactly("GPU-0");
    }

    /** The host is n7; a prolog says that Slurm calls it gpu01 (NodeHostname, clouds), or by its full name. */
    @Test
    void aPrologTellsSlurmsNameOfTheNode() throws Exception {
        prologOf("gpu01.example.org");
        tree.job("job_5");
        start(1);
        batch(one -> one.intervalMs() != null && !one.jobs().isEmpty());
        assertThat(sent).extracting(one -> one.batch.node()).containsOnly("gpu01.example.org");
        stop();
        sent.clear();
        start(1, "--node=n9");
        batch(one -> one.intervalMs() != null && !one.jobs().isEmpty());
        assertThat(sent).as("a setting wins").extracting(one -> one.batch.node()).containsOnly("n9");
    }

    @Test
    void aPrologThatRunsLaterRenamesTheNode() throws Exception {
        tree.job("job_5");
        Files.createDirectories(folder.resolve("spool/events"));
        start(1);
        batch(one -> one.node().equals("n7") && !one.jobs().isEmpty());
        prologOf("gpu01");
        batch(one -> one.node().equals("gpu01") && one.jobs().stream().anyMatch(job -> job.jobId().equals("5")));
        sent.clear();
        batch(one -> one.intervalMs() != null);
        assertThat(sent).extracting(one -> one.batch.node()).containsOnly("gpu01");
    }

    /** The event was sent and removed before this agent started. */
    @Test
    void theSpoolKeepsSlurmsNameOfTheNode() throws Exception {
        Files.createDirectories(folder.resolve("spool"));
        Files.writeString(folder.resolve("spool/node"), "gpu01\n");
        tree.job("job_5");
        start(1);
        batch(one -> !one.jobs().isEmpty());
        assertThat(sent).extracting(one -> one.batch.node()).containsOnly("gpu01");
    }

    @Test
    void aScopeThatNamesItsNodeWinsOverAProlog() throws Exception {
        tree.folder("system.slice/n7_slurmstepd.scope");
        tree.folder("system.slice/n8_slurmstepd.scope");
        prologOf("n8");
        start(1);
        batch(one -> one.node().equals("n7"));
        batch(one -> one.node().equals("n8"));
    }

    /** Slurm's name differs from the host's, and the scope of a Slurm for several slurmd has it. */
    @Test
    void aScopeIsReadOnceAPrologHasNamedItsNode() throws Exception {
        Path job = tree.job("job_5");
        Path scope = tree.folder("system.slice/gpu01_slurmstepd.scope");
        Files.move(job, scope.resolve("job_5"));
        tree.remove(tree.scope());
        Files.createDirectories(folder.resolve("spool/events"));
        start(1);
        batch(one -> one.intervalMs() != null);
        assertThat(sent).allSatisfy(one -> assertThat(one.batch.jobs()).isEmpty());
        waitForLog("scope_ignored folder=" + scope + " cause=\"no prolog, host name or setting says that gpu01 is on");
        prologOf("gpu01");
        assertThat(batch(one -> !one.jobs().isEmpty()).node()).isEqualTo("gpu01");
    }

    /** A user has made a cgroup that looks like another's job, where users may: it is evidence of nothing. */
    @Test
    void aFolderOfAUserIsNoJob() throws Exception {
        Path forged = tree.folder("user.slice/user-1001.slice/user@1001.service/app.slice/slurmstepd.scope");
        Files.move(tree.job("job_4711"), forged.resolve("job_4711"));
        tree.job("job_5");
        start(1);
        batch(one -> one.intervalMs() != null);
        batch(one -> one.intervalMs() != null && one.sequence() > 2);
        assertThat(sent).flatExtracting(one -> one.batch.jobs()).extracting(JobReading::jobId).containsOnly("5");
    }

    private void prologOf(String node) throws IOException {
        Files.createDirectories(folder.resolve("spool/events"));
        Files.writeString(folder.resolve("spool/tmp"), "{\"event_id\":\"x\",\"job_id\":\"5\",\"node\":\"" + node
                + "\",\"user\":\"alice\"}\n");
        Files.move(folder.resolve("spool/tmp"), folder.resolve("spool/events/1795384829-5-started-1.json"));
    }

    /** Slurm has left the cgroup of a job behind that has ended: it has no use any more, and one last reading. */
    @Test
    void anEmptyCgroupThatStaysIsNotSampledForEver() throws Exception {
        tree.job("job_5");
        tree.job("job_6");
        start(1);
        reading(one -> one.jobId().equals("5") && one.cpusUsed() != null);
        tree.write("system.slice/slurmstepd.scope/job_5/cgroup.events", "populated 0\nfrozen 0\n");
        reading(one -> one.jobId().equals("5") && Boolean.TRUE.equals(one.last()));
        sent.clear();
        tree.write("system.slice/slurmstepd.scope/job_5/memory.max", "5000000\n");
        Instant now = clock.instant();
        batch(one -> one.timestamp().isAfter(now.plusSeconds(5)));
        tree.remove(tree.root().resolve("system.slice/slurmstepd.scope/job_5"));
        batch(one -> one.timestamp().isAfter(now.plusSeconds(8)));
        assertThat(sent).flatExtracting(one -> one.batch.jobs()).extracting(JobReading::jobId).containsOnly("6");
    }

    @Test
    void aCgroupThatWasLeftBehindBeforeTheAgentStartedIsNoJob() throws Exception {
        tree.job("job_5");
        tree.write("system.slice/slurmstepd.scope/job_5/cgroup.events", "populated 0\nfrozen 0\n");
        tree.job("job_6");
        start(1);
        Instant began = clock.instant();
        batch(one -> one.timestamp().isAfter(began.plusSeconds(3)));
        assertThat(sent).flatExtracting(one -> one.batch.jobs()).extracting(JobReading::jobId)
                .as("one reading, when it is found").containsOnlyOnce("5").contains("6");
        sent.clear();
        tree.write("system.slice/slurmstepd.scope/job_5/cgroup.events", "populated 1\nfrozen 0\n");
        reading(one -> one.jobId().equals("5"));
    }

    /** The figure alone is absent that a double does not hold exactly; the largest that it does is kept. */
    @Test
    void aCounterAbove2To53CostsNothingButItself() throws Exception {
        tree.job("job_5");
        tree.write("system.slice/slurmstepd.scope/job_5/io.stat",
                "259:0 rbytes=9007199254740993 wbytes=9007199254740992 rios=1 wios=1 dbytes=0 dios=0\n");
        tree.job("job_6");
        start(1);
        Batch batch = batch(one -> one.intervalMs() != null && one.jobs().size() == 2);
        JobReading big = batch.jobs().stream().filter(job -> job.jobId().equals("5")).findFirst().orElseThrow();
        assertThat(big.ioReadBytes()).isNull();
        assertThat(big.absent()).containsEntry("io_read_bytes",
                "left out: must be 0..9007199254740992, was 9007199254740993");
        assertThat(big.ioWriteBytes()).isEqualTo(9007199254740992L);
        assertThat(big.cpusUsed()).isNotNull();
        assertThat(batch.jobs()).filteredOn(job -> job.jobId().equals("6")).singleElement()
                .satisfies(job -> assertThat(job.ioReadBytes()).isEqualTo(4096));
        assertThat(sampler.counts().figuresLeftOut()).isPositive();
        assertThat(sampler.counts().failures()).isZero();
        assertThat(log.toString(StandardCharsets.UTF_8).lines().filter(line -> line.contains("figure_left_out")))
                .singleElement().asString().contains("figure=io_read_bytes of=job 5");
    }

    /** Each number of each file of a job is replaced; the job with the right files is read as ever. */
    @Test
    void whateverAJobsFilesHoldItsNeighboursGoOn() throws Exception {
        List<String> odd = List.of("9007199254740993", "9223372036854775807", "18446744073709551615", "-5", "", "many",
                "1e3", "0x10", "3.5", "\u0000", "\u00e9\u4e2d", "9".repeat(100_000), "4294967297",
                "0-9223372036854775807", "max");
        for (int i = 0; i < odd.size(); i++) {
            Path job = tree.job("job_" + (100 + i));
            String value = odd.get(i);
            try (Stream<Path> files = Files.list(job)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    if (!file.endsWith("cgroup.events")) {
                        Files.writeString(file, Files.readString(file).replaceAll("[0-9][-0-9]*", value));
                    }
                }
            }
            tree.step(job, "x".repeat(100), 0, 0, value);
        }
        Path noText = tree.job("job_200");
        Files.write(noText.resolve("memory.stat"), new byte[]{(byte) 0xff, (byte) 0xfe, 0, 10, (byte) 0xc3});
        Files.write(noText.resolve("cpu.stat"), new byte[0]);
        tree.job("job_6");
        start(1);
        Batch batch = batch(one -> one.intervalMs() != null);
        assertThat(batch.jobs()).hasSize(odd.size() + 2);
        assertThat(sampler.counts().figuresLeftOut()).isGreaterThan(10L * odd.size());
        assertThat(log.toString(StandardCharsets.UTF_8)).contains("figure_left_out figure=memory_limit_bytes of=job 1",
                "figure_left_out figure=cpus of=job 1");
        assertThat(batch.jobs()).filteredOn(job -> job.jobId().equals("6")).singleElement().satisfies(job -> {
            assertThat(job.absent()).isEmpty();
            assertThat(job.cpuUsageUsec()).isEqualTo(3_000_000);
        });
        assertThat(sampler.counts().failures()).isZero();
        tree.write("system.slice/slurmstepd.scope/job_103/memory.events", "oom 1\noom_kill 1\n");
        tree.step(tree.root().resolve("system.slice/slurmstepd.scope/job_103"), "x".repeat(100), 1, 1,
                "9223372036854771712");
        JobReading killed = reading(one -> !one.oomKillEvents().isEmpty());
        assertThat(killed.oomKillEvents()).allSatisfy(kill -> {
            assertThat(kill.step()).isNull();
            assertThat(kill.limitBytes()).isNull();
        });
    }

    /** What is no name, no run and no time is not known; the job, and all others, are read. */
    @Test
    void anEventOfAPrologWithOddValuesCostsNoReading() throws Exception {
        tree.job("job_5");
        tree.job("job_6");
        Files.createDirectories(folder.resolve("spool/events"));
        Files.writeString(folder.resolve("spool/events/1795384829-5-started-1.json"), """
                {"event_id":"x","job_id":"5","cluster":"a\\u0000b","sluid":"s1","start_time":"+9999-01-01T00:00:00Z",\
                "user":"\\ud800","uid":-1}""");
        Files.writeString(folder.resolve("spool/events/1795384829-6-started-1.json"),
                "{\"job_id\":\" \\n\",\"cluster\":\"rig\"}");
        start(1);
        Batch batch = batch(one -> one.intervalMs() != null);
        assertThat(batch.jobs()).extracting(JobReading::jobId).containsExactlyInAnyOrder("5", "6");
        assertThat(sampler.counts().failures()).isZero();
    }

    @Test
    void oneOddFigureOfAGpuCostsNothingButItself() throws Exception {
        GpuState good = gpu(1, 80);
        GpuName name = new GpuName(GpuVendor.NVIDIA, "GPU-0", null, null, 0, null, null);
        GpuState odd = new GpuState(name, 101.0, -1L, Long.MAX_VALUE, 5e6, Double.NaN, 1e30, 2_000_000,
                List.of("x".repeat(65)), -7L, List.of(100_001), List.of(new GpuProcess(77, -1L, 200.0)), Map.of());
        gpuSources.add(new Driver().says(odd, good));
        tree.job("job_5");
        start(1);
        GpuReading read = gpuReading("GPU-0", gpu -> Long.valueOf(1).equals(gpu.processes()));
        assertThat(read.absent()).containsKeys("utilization_percent", "memory_used_bytes", "memory_total_bytes",
                "power_watts", "temperature_celsius", "energy_joules", "clock_mhz", "throttled", "ecc_errors", "xids");
        assertThat(gpuReading("GPU-1", gpu -> gpu.utilizationPercent() != null).utilizationPercent()).isEqualTo(80.0);
        assertThat(sampler.counts().failures()).isZero();
    }

    private void waitForLog(String words) throws InterruptedException {
        stepUntil(words, () -> log.toString(StandardCharsets.UTF_8).contains(words));
    }

    /** Until it has handled all changes so far: inotify keeps their order, and this job is the last of them. */
    private void waitUntilHandled() throws InterruptedException {
        tree.job("job_999");
        reading(one -> one.jobId().equals("999"));
    }
}
