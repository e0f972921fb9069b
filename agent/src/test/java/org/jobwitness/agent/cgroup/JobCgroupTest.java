package org.jobwitness.agent.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.wire.Figure.CPUS;
import static org.jobwitness.wire.Figure.CPU_PRESSURE_USEC;
import static org.jobwitness.wire.Figure.CPU_SYSTEM_USEC;
import static org.jobwitness.wire.Figure.CPU_THROTTLED_USEC;
import static org.jobwitness.wire.Figure.CPU_USAGE_USEC;
import static org.jobwitness.wire.Figure.CPU_USER_USEC;
import static org.jobwitness.wire.Figure.INTERVAL_MS;
import static org.jobwitness.wire.Figure.IO_PRESSURE_USEC;
import static org.jobwitness.wire.Figure.IO_STALL_USEC;
import static org.jobwitness.wire.Figure.MEMORY_ANON_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_FILE_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_LIMIT_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_PEAK_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_PRESSURE_USEC;
import static org.jobwitness.wire.Figure.MEMORY_SHMEM_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_STALL_USEC;
import static org.jobwitness.wire.Figure.MEMORY_SWAP_BYTES;
import static org.jobwitness.wire.Figure.MEMORY_USAGE_BYTES;
import static org.jobwitness.wire.Figure.OOM_EVENTS;
import static org.jobwitness.wire.Figure.OOM_KILLS;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read of a job's folder, from a recording of a real one and from what a kernel may do to its files. */
class JobCgroupTest {
    private static final Instant NOW = Instant.parse("2026-11-23T10:00:00Z");
    private static final long SECOND = 1_000_000_000;
    private static final JobCgroup.Identity WHO = new JobCgroup.Identity("2", null, null, null, null, null);

    @TempDir
    Path folder;
    private CgroupTree tree;
    private JobCgroup.Kernel kernel;

    @BeforeEach
    void root() throws IOException {
        tree = new CgroupTree(folder.resolve("cgroup"));
        kernel = new JobCgroup.Kernel(tree.root(), Files.createDirectories(folder.resolve("proc")),
                folder.resolve("sys"));
    }

    private JobReading read(JobCgroup job, long nanos) {
        assertThat(job.read(NOW, nanos)).isTrue();
        return job.take(WHO, NOW, null, false).orElseThrow();
    }

    @Test
    void aRealJobIsReadToTheLastFigure() {
        JobReading read = read(new JobCgroup(tree.captured(), kernel, false, 0), SECOND);
        assertThat(read).isEqualTo(JobReading.builder("2").cgroupPath("/system.slice/n1_slurmstepd.scope/job_2")
                .put(INTERVAL_MS, 1000).put(CPUS, 2).put(CPU_USAGE_USEC, 13170155L).put(CPU_USER_USEC, 11404012L)
                .put(CPU_SYSTEM_USEC, 1766143L).put(CPU_THROTTLED_USEC, 0L).put(CPU_PRESSURE_USEC, 525615L)
                .put(MEMORY_USAGE_BYTES, 75214848L).put(MEMORY_ANON_BYTES, 51666944L)
                .put(MEMORY_FILE_BYTES, 21016576L).put(MEMORY_SHMEM_BYTES, 0L).put(MEMORY_SWAP_BYTES, 0L)
                .put(MEMORY_PEAK_BYTES, 77385728L).put(MEMORY_LIMIT_BYTES, 209715200L).put(MEMORY_PRESSURE_USEC, 0L)
                .put(MEMORY_STALL_USEC, 0L).put(OOM_EVENTS, 0L).put(OOM_KILLS, 0L).put(IO_PRESSURE_USEC, 19515L)
                .put(IO_STALL_USEC, 19515L)
                .absent(Map.of("io_read_bytes",
                        "the io controller is not enabled for jobs, and the job has no process now", "io_write_bytes",
                        "the io controller is not enabled for jobs, and the job has no process now", "pids",
                        "the pids controller is not enabled for jobs"))
                .build());
    }

    @ParameterizedTest
    @CsvSource({"contain/c1-oom-child, 22, batch, 1795383891.965", "contain/c2-oom-step, 23, 0, 1795383898.673",
            "contain/c3-oom-lastcmd, 24, batch, 1795383905.660", "runinjob/c1-oom-child, 52, batch, 1795384793.678",
            "runinjob/c2-oom-step, 53, 0, 1795384792.902"})
    void aRealOomKillIsToldWithItsMomentAndItsStep(String run, String jobId, String step, String moment) {
        Instant killed = Instant.ofEpochMilli(Long.parseLong(moment.replace(".", "")));
        JobCgroup job = null;
        Instant looksAt = null;
        for (String line : CgroupTree.changes(run)) {
            String[] words = line.split(" ", 4);
            Instant at = Instant.ofEpochMilli(Long.parseLong(words[0].replace(".", "")));
            // Whoever wrote this down looked at one file after the other; the kernel counts in all of them at once.
            if (job != null && looksAt != null && at.isAfter(looksAt.plusMillis(20))) {
                job.detectKills(looksAt);
                looksAt = null;
            }
            boolean ofJob = words[1].endsWith("/job_" + jobId);
            if (ofJob && words[3].equals("exists")) {
                tree.write(words[1] + "/memory.events", CgroupTree.events(0, 0));
                tree.write(words[1] + "/memory.max", "62914560\n");
                job = new JobCgroup(tree.root().resolve(words[1]), kernel, true, 0);
            } else if (words[2].equals("memory.events") && words[3].startsWith("low")) {
                tree.write(words[1] + "/memory.events", words[3].replaceAll("([a-z_]+ [0-9]+) ", "$1\n") + "\n");
                looksAt = ofJob ? at : looksAt;
            }
        }
        assertThat(job).isNotNull();
        assertThat(read(job, SECOND).oomKillEvents())
                .containsExactly(new OomKill(killed, step, 1, 62914560L, OomCause.LIMIT));
    }

    @Test
    void whatCannotBeReadIsAbsentWithItsCause() throws IOException {
        Path folder = tree.job("job_2");
        Files.delete(folder.resolve("memory.peak"));
        Files.delete(folder.resolve("io.stat"));
        Files.createSymbolicLink(Files.createDirectories(folder).resolve("x"), folder);
        Files.delete(folder.resolve("pids.current"));
        Files.createSymbolicLink(folder.resolve("pids.current"), Path.of("/proc/self/mem")); // EIO at 0
        tree.write("system.slice/slurmstepd.scope/job_2/cpu.stat", "usage_usec 3000000\nuser_us");
        tree.write("system.slice/slurmstepd.scope/job_2/memory.current", "");
        tree.write("system.slice/slurmstepd.scope/job_2/cpuset.cpus", "\n");
        JobReading read = read(new JobCgroup(folder, kernel, false, 0), SECOND);
        assertThat(read.cpuUsageUsec()).isEqualTo(3000000);
        assertThat(read.cpuUserUsec()).isNull();
        assertThat(read.memoryUsageBytes()).isNull();
        assertThat(read.cpus()).isNull();
        assertThat(read.absent()).containsEntry("memory_peak_bytes", "the kernel is older than 5.19")
                .containsEntry("cpu_user_usec", "cpu.stat has no such value")
                .containsEntry("cpu_throttled_usec", "the cpu controller is not enabled for jobs")
                .containsEntry("memory_usage_bytes", "memory.current has no such value")
                .containsEntry("cpus", "Slurm does not confine jobs to CPUs (ConstrainCores)");
        assertThat(read.absent().get("pids")).startsWith("pids.current cannot be read: ");
    }

    @Test
    void aLimitThatIsNoneIsNoTrouble() {
        Path folder = tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/memory.max", "max\n");
        JobReading read = read(new JobCgroup(folder, kernel, false, 0), SECOND);
        assertThat(read.memoryLimitBytes()).isNull();
        assertThat(read.absent()).isEmpty();
    }

    /** What stands there and is no number is told as such, and counted; what does not stand there is another cause. */
    @ParameterizedTest
    @CsvSource({"memory.max, memory_limit_bytes, -1, true",
            "memory.max, memory_limit_bytes, 18446744073709551615, true",
            "memory.max, memory_limit_bytes, maximal, true", "memory.max, memory_limit_bytes, '', false",
            "memory.peak, memory_peak_bytes, 1e9, true", "memory.current, memory_usage_bytes, '', false",
            "memory.stat, memory_anon_bytes, anon -5, true", "memory.stat, memory_anon_bytes, anonymous 5, false",
            "io.stat, io_read_bytes, 8:0 rbytes=-1 wbytes=2, true",
            "cpu.pressure, cpu_pressure_usec, some avg10=0.00 total=99999999999999999999, true",
            "cpu.pressure, cpu_pressure_usec, full avg10=0.00 total=5, false",
            "cpuset.cpus.effective, cpus, 0-18446744073709551615, true"})
    void whatIsNoNumberIsToldFromWhatIsNotThere(String file, String figure, String text, boolean isLeftOut) {
        Path folder = tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/" + file, text + "\n");
        JobReading read = read(new JobCgroup(folder, kernel, false, 0), SECOND);
        assertThat(read.absent().get(figure)).isNotNull()
                .satisfies(cause -> assertThat(cause.startsWith(JobReading.LEFT_OUT)).as(cause).isEqualTo(isLeftOut));
    }

    @Test
    void busyCpusAreThoseOfTheIntervalAndUnknownAtFirstSight() {
        Path folder = tree.job("job_2");
        JobCgroup job = new JobCgroup(folder, kernel, false, 0);
        assertThat(read(job, SECOND).cpusUsed()).isNull();
        tree.write("system.slice/slurmstepd.scope/job_2/cpu.stat", "usage_usec 6000000\n");
        JobReading second = read(job, 3 * SECOND);
        assertThat(second.cpusUsed()).isEqualTo(1.5);
        assertThat(second.intervalMs()).isEqualTo(2000);

        JobCgroup seenMade = new JobCgroup(folder, kernel, true, 0);
        assertThat(read(seenMade, 2 * SECOND).cpusUsed()).as("it counts from 0").isEqualTo(3);
    }

    @Test
    void aReadingThatNobodyTookIsInTheNextOne() {
        Path folder = tree.job("job_2");
        tree.tasks(folder, "batch", true, true);
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        assertThat(job.read(NOW, 2 * SECOND)).isTrue();
        tree.tasks(folder, "batch", true, false);
        JobReading both = read(job, 3 * SECOND);
        assertThat(both.intervalMs()).isEqualTo(3000);
        assertThat(both.suspendedMs()).isEqualTo(2000);
        assertThat(both.cpusUsed()).as("it was suspended in between").isNull();
        assertThat(job.read(NOW, 4 * SECOND)).isTrue();
        tree.write("system.slice/slurmstepd.scope/job_2/cpu.stat", "usage_usec 6000000\n");
        JobReading next = read(job, 6 * SECOND);
        assertThat(next.intervalMs()).isEqualTo(3000);
        assertThat(next.cpusUsed()).isEqualTo(1);
        assertThat(job.read(NOW, 8 * SECOND)).isTrue();
        job.forget();
        assertThat(read(job, 9 * SECOND).intervalMs()).as("what is forgotten is of no interval").isEqualTo(1000);
    }

    /** Slurm removes the folders of steps, and then the job's: each is a reason to read the job once more. */
    @Test
    void whatARemovedCgroupLosesIsThatOfTheReadingBefore() throws Exception {
        Path folder = tree.job("job_2");
        Process kernelsNumber = removable(folder, "memory.peak");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        tree.write("system.slice/slurmstepd.scope/job_2/cgroup.events", "populated 0\nfrozen 0\n");
        assertThat(job.hasEmptied()).isTrue();
        assertThat(job.read(NOW, SECOND)).isTrue();
        kernelsNumber.destroyForcibly().waitFor();
        assertThat(job.read(NOW, 2 * SECOND)).isTrue();
        JobReading last = job.take(WHO, NOW, null, true).orElseThrow();
        assertThat(last.memoryPeakBytes()).isNotNull();
        assertThat(last.absent()).isEmpty();
        assertThat(job.takeLast(WHO, NOW).absent()).as("nothing can be missing").containsOnlyKeys("memory_usage_bytes");
    }

    @Test
    void whatNoReadingHasToTheEndHasBeenLostWithTheCgroup() throws Exception {
        Path folder = tree.job("job_2");
        Process kernelsNumber = removable(folder, "memory.peak");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        assertThat(read(job, SECOND).memoryPeakBytes()).isNotNull();
        kernelsNumber.destroyForcibly().waitFor();
        assertThat(job.read(NOW, 2 * SECOND)).isTrue();
        JobReading last = job.take(WHO, NOW, null, true).orElseThrow();
        assertThat(last.memoryPeakBytes()).isNull();
        assertThat(last.cpuUsageUsec()).isEqualTo(3_000_000);
        assertThat(last.absent()).isEqualTo(Map.of("memory_peak_bytes", JobReading.REMOVED));
    }

    /** A file with a number of the kernel that cannot be read any more once the process has ended. */
    private static Process removable(Path folder, String file) throws IOException {
        Process process = new ProcessBuilder("sleep", "600").start();
        Files.delete(folder.resolve(file));
        Files.createSymbolicLink(folder.resolve(file), Path.of("/proc/" + process.pid() + "/oom_score"));
        return process;
    }

    @Test
    void ofTheTimeInWhichSlurmHadItSuspendedNoUseIsTold() {
        Path folder = tree.job("job_2");
        tree.tasks(folder, "batch", true, false);
        tree.tasks(folder, "0", true, false);
        tree.tasks(folder, "1", false, false); // has ended
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        JobReading running = read(job, SECOND);
        assertThat(running.suspendedMs()).isZero();
        assertThat(running.cpusUsed()).isEqualTo(3);

        tree.tasks(folder, "batch", true, true);
        tree.tasks(folder, "0", true, true);
        JobReading suspendedMeanwhile = read(job, 2 * SECOND);
        assertThat(suspendedMeanwhile.suspendedMs()).as("nobody saw when").isZero();
        assertThat(suspendedMeanwhile.cpusUsed()).isNull();
        assertThat(suspendedMeanwhile.absent()).containsEntry("cpus_used", "the job was suspended");
        assertThat(job.wasSuspended()).isTrue();
        JobReading suspended = read(job, 4 * SECOND);
        assertThat(suspended.suspendedMs()).isEqualTo(2000);
        assertThat(suspended.intervalMs()).isEqualTo(2000);
        assertThat(suspended.cpusUsed()).isNull();
        assertThat(suspended.cpuUsageUsec()).as("what the kernel counts is told all the same").isEqualTo(3_000_000);

        tree.tasks(folder, "batch", true, false);
        tree.tasks(folder, "0", true, false);
        JobReading resumedMeanwhile = read(job, 5 * SECOND);
        assertThat(resumedMeanwhile.suspendedMs()).isZero();
        assertThat(resumedMeanwhile.cpusUsed()).isNull();
        JobReading resumed = read(job, 6 * SECOND);
        assertThat(resumed.cpusUsed()).isZero();
        assertThat(resumed.absent()).isEmpty();
        assertThat(job.wasSuspended()).isFalse();
    }

    @Test
    void whereTheKernelCountsTheTimeSuspensionsAreAsLongAsTheyWere() {
        Path folder = tree.job("job_2");
        frozen(folder, "batch", false, 700_000); // it was suspended before the agent came
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        assertThat(read(job, SECOND).suspendedMs()).isZero();

        frozen(folder, "batch", false, 950_000);
        JobReading meanwhile = read(job, 2 * SECOND);
        assertThat(meanwhile.suspendedMs()).as("between two readings").isEqualTo(250);
        assertThat(meanwhile.cpusUsed()).isNull();
        assertThat(job.wasSuspended()).isTrue();

        frozen(folder, "batch", true, 1_350_000);
        assertThat(read(job, 3 * SECOND).suspendedMs()).as("it began after 0.6 s").isEqualTo(400);
        frozen(folder, "batch", true, 2_350_000);
        assertThat(read(job, 4 * SECOND).suspendedMs()).isEqualTo(1000);
        frozen(folder, "batch", false, 2_500_000);
        assertThat(read(job, 5 * SECOND).suspendedMs()).as("it ended").isEqualTo(150);
        assertThat(read(job, 6 * SECOND).suspendedMs()).isZero();
        assertThat(job.wasSuspended()).isFalse();

        frozen(folder, "batch", false, 9_000_000);
        assertThat(read(job, 7 * SECOND).suspendedMs()).as("no longer than the interval").isEqualTo(1000);
    }

    @Test
    void theTimesOfAnotherStepAreNotThoseOfTheOneBefore() {
        Path folder = tree.job("job_2");
        frozen(folder, "0", false, 100_000);
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        read(job, SECOND);
        tree.tasks(folder, "0", false, false); // has ended
        frozen(folder, "1", false, 8_000_000);
        assertThat(read(job, 2 * SECOND).suspendedMs()).isZero();
        frozen(folder, "1", false, 8_300_000);
        assertThat(read(job, 3 * SECOND).suspendedMs()).isEqualTo(300);
    }

    private void frozen(Path job, String step, boolean isFrozen, long usec) {
        tree.tasks(job, step, true, isFrozen);
        tree.write(tree.root().relativize(job) + "/step_" + step + "/user/cgroup.stat.local",
                "frozen_usec " + usec + "\n");
    }

    @Test
    void aRealSuspensionIsSeenFromItsBeginningToItsEnd() {
        List<String> seen = new ArrayList<>();
        try (Suspension suspension = new Suspension(
                tree.root().resolve("system.slice/n1_slurmstepd.scope/job_3"))) {
            Boolean before = null;
            for (String line : CgroupTree.changes("suspend")) {
                String[] words = line.split(" ", 4);
                tree.write(words[1] + "/" + words[2], words[3].replaceAll("([a-z]+ [0-9]+) ", "$1\n") + "\n");
                Boolean now = suspension.isOn(kernel.text());
                if (!Objects.equals(now, before)) {
                    seen.add(words[0] + " " + now);
                }
                before = now;
            }
        }
        assertThat(seen).as("frozen in the last of its steps, going on in the first; and then it has no process")
                .containsExactly("1795457929.386 false", "1795457934.248 true", "1795457940.628 false",
                        "1795457946.293 null");
    }

    @Test
    void aStepThatItsUserStopsDoesNotSuspendTheJob() {
        Path folder = tree.job("job_2");
        tree.tasks(folder, "batch", true, false);
        tree.tasks(folder, "0", true, true); // scancel -s STOP 2.0
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        read(job, SECOND);
        JobReading read = read(job, 2 * SECOND);
        assertThat(read.suspendedMs()).isZero();
        assertThat(read.cpusUsed()).isZero();

        tree.tasks(folder, "batch", false, false); // has ended: what there is, is stopped
        read(job, 3 * SECOND);
        assertThat(read(job, 4 * SECOND).suspendedMs()).isEqualTo(1000);
    }

    @Test
    void whereNoStepTellsItIsNotKnownWhetherAJobIsSuspended() {
        JobReading read = read(new JobCgroup(tree.job("job_2"), kernel, true, 0), SECOND);
        assertThat(read.suspendedMs()).isNull();
        assertThat(read.cpusUsed()).isEqualTo(3);
    }

    @Test
    void countersGoOnWhenSlurmMakesTheCgroupAnew() {
        Path folder = tree.job("job_2");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        read(job, SECOND);
        tree.remove(folder);
        tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/cpu.stat", "usage_usec 100\n");
        tree.write("system.slice/slurmstepd.scope/job_2/memory.peak", "1500000\n");
        job.reopen();
        JobReading read = read(job, 2 * SECOND);
        assertThat(read.cpuUsageUsec()).isEqualTo(3_000_100);
        assertThat(read.cpusUsed()).isEqualTo(0.0001);
        assertThat(read.memoryPeakBytes()).as("the highest of all").isEqualTo(2_000_000);
        assertThat(read.ioReadBytes()).isEqualTo(8192);
        tree.write("system.slice/slurmstepd.scope/job_2/cpu.stat", "usage_usec 40\n");
        assertThat(read(job, 3 * SECOND).cpuUsageUsec()).as("fallen without our seeing why").isEqualTo(3_000_140);
    }

    @Test
    void aJobThatIsGoneIsNotRead() {
        Path folder = tree.job("job_2");
        JobCgroup job = new JobCgroup(folder, kernel, false, 0);
        read(job, SECOND);
        tree.remove(folder);
        assertThat(job.exists()).isFalse();
        JobReading last = job.takeLast(WHO, NOW);
        assertThat(last.last()).isTrue();
        assertThat(last.cpuUsageUsec()).isNull();
        assertThat(last.absent()).containsEntry("memory_usage_bytes", JobReading.REMOVED)
                .containsEntry("memory_peak_bytes", JobReading.REMOVED)
                .containsEntry("cpu_usage_usec", JobReading.REMOVED);

        JobCgroup never = new JobCgroup(folder, kernel, true, 0);
        assertThat(never.read(NOW, SECOND)).isFalse();
        assertThat(never.take(WHO, NOW, null, true)).isEqualTo(Optional.empty());
    }

    @Test
    void anOomKillOfTheNodeIsNotOneOfTheJobsLimit() {
        Path folder = tree.job("job_2");
        tree.step(folder, "3", 0, 0, "max");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(0, 2));
        tree.step(folder, "3", 0, 2, "max");
        assertThat(job.detectKills(NOW)).isTrue();
        assertThat(read(job, SECOND).oomKillEvents())
                .containsExactly(new OomKill(NOW, "3", 2, 4_000_000L, OomCause.NODE));
        assertThat(job.detectKills(NOW)).as("told already").isFalse();
        assertThat(read(job, 2 * SECOND).oomKillEvents()).isEmpty();
    }

    @Test
    void aStepsOwnLimitAndKillsOfStepsThatHaveGone() {
        Path folder = tree.job("job_2");
        tree.step(folder, "0", 0, 0, "max");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        tree.step(folder, "0", 1, 1, "3000000");
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(2, 4));
        job.detectKills(NOW);
        assertThat(read(job, SECOND).oomKillEvents()).containsExactly(
                new OomKill(NOW, "0", 1, 3_000_000L, OomCause.LIMIT),
                new OomKill(NOW, null, 3, 4_000_000L, OomCause.LIMIT));
    }

    @Test
    void theRestOfAGroupThatIsKilledIsOfTheSameLimit() {
        Path folder = tree.job("job_2");
        JobCgroup job = new JobCgroup(folder, kernel, true, 0);
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(1, 2));
        job.detectKills(NOW);
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(1, 4));
        job.detectKills(NOW.plusMillis(30));
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(1, 5));
        job.detectKills(NOW.plus(Duration.ofSeconds(5)));
        assertThat(read(job, SECOND).oomKillEvents()).extracting(OomKill::cause).containsExactly(OomCause.LIMIT,
                OomCause.LIMIT, OomCause.NODE);
    }

    @Test
    void killsBeforeTheAgentCameHaveNoMoment() {
        Path folder = tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/memory.events", CgroupTree.events(3, 3));
        JobCgroup job = new JobCgroup(folder, kernel, false, 0);
        JobReading read = read(job, SECOND);
        assertThat(read.oomKills()).isEqualTo(3);
        assertThat(read.oomKillEvents()).isEmpty();
    }

    @Test
    void whatGoesThroughAVolumeIsCountedAtItsDisk() throws IOException {
        Files.createDirectories(folder.resolve("sys/dev/block/253:0/slaves/sda2"));
        Files.createDirectories(folder.resolve("sys/dev/block/8:0/slaves"));
        Path job = tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/io.stat", """
                253:0 rbytes=1000 wbytes=2000 rios=1 wios=1 dbytes=0 dios=0
                8:0 rbytes=1000 wbytes=2000 rios=1 wios=1 dbytes=0 dios=0
                259:3 rbytes=5 wbytes=0 rios=1 wios=0 dbytes=0 dios=0
                """);
        JobReading read = read(new JobCgroup(job, kernel, false, 0), SECOND);
        assertThat(read.ioReadBytes()).isEqualTo(1005);
        assertThat(read.ioWriteBytes()).isEqualTo(2000);
    }

    @Test
    void withoutIoStatTheProcessesAreAskedAndNeverFall() throws IOException {
        Path job = tree.job("job_2");
        Files.delete(job.resolve("io.stat"));
        String base = "system.slice/slurmstepd.scope/job_2/step_batch/";
        tree.write(base + "slurm/cgroup.procs", "11\n");
        tree.write(base + "user/task_0/cgroup.procs", "12\n13\n");
        io(11, 100, 0);
        io(12, 1000, 50);
        JobCgroup cgroup = new JobCgroup(job, kernel, false, 0);
        JobReading read = read(cgroup, SECOND);
        assertThat(read.ioReadBytes()).isEqualTo(1100);
        assertThat(read.ioWriteBytes()).isEqualTo(50);
        assertThat(read.absent()).isEmpty();
        Files.delete(folder.resolve("proc/12/io"));
        assertThat(read(cgroup, 2 * SECOND).ioReadBytes()).isEqualTo(1100);
        io(11, 1200, 60);
        assertThat(read(cgroup, 3 * SECOND).ioReadBytes()).as("its parent has waited for it").isEqualTo(1200);
    }

    @Test
    void processesThatAreHiddenHaveNotReadNothing() throws IOException {
        Path job = tree.job("job_2");
        Files.delete(job.resolve("io.stat"));
        tree.write(tree.root().relativize(job) + "/step_batch/slurm/cgroup.procs", "11\n");
        JobReading read = read(new JobCgroup(job, kernel, false, 0), SECOND);
        assertThat(read.ioReadBytes()).isNull();
        assertThat(read.absent()).containsEntry("io_read_bytes",
                "the io controller is not enabled for jobs, and /proc shows none of its processes");
    }

    @Test
    void aJobThatGoesRightAfterAKillHasItsCount() {
        Path job = tree.job("job_2");
        JobCgroup cgroup = new JobCgroup(job, kernel, true, 0);
        read(cgroup, SECOND);
        tree.write(tree.root().relativize(job) + "/memory.events", CgroupTree.events(1, 1));
        cgroup.detectKills(NOW);
        tree.remove(job);
        JobReading last = cgroup.takeLast(WHO, NOW);
        assertThat(last.oomKills()).isEqualTo(1);
        assertThat(last.oomEvents()).isEqualTo(1);
        assertThat(last.oomKillEvents()).hasSize(1);
    }

    private void io(int pid, long read, long written) throws IOException {
        Files.createDirectories(folder.resolve("proc/" + pid));
        Files.writeString(folder.resolve("proc/" + pid + "/io"),
                "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\nread_bytes: %d\nwrite_bytes: %d\ncancelled_write_bytes: 0\n"
                        .formatted(read, written));
    }

    @Test
    void aControllerThatIsEnabledLaterIsFound() {
        Path job = tree.captured();
        JobCgroup cgroup = new JobCgroup(job, kernel, false, 0);
        assertThat(read(cgroup, SECOND).pids()).isNull();
        tree.write(tree.root().relativize(job) + "/pids.current", "3\n");
        JobReading read = null;
        for (int second = 2; second < 30; second++) {
            read = read(cgroup, second * SECOND);
        }
        assertThat(read.pids()).isEqualTo(3);
        assertThat(read.absent()).doesNotContainKey("pids");
    }

    @ParameterizedTest
    @CsvSource({"0-3, 4", "0, 1", "'0-1,4,6-7', 5", "3-1, ", "a, ", "'', "})
    void listsOfCpusAreCounted(String list, Integer count) {
        Path job = tree.job("job_2");
        tree.write("system.slice/slurmstepd.scope/job_2/cpuset.cpus.effective", list + "\n");
        assertThat(read(new JobCgroup(job, kernel, false, 0), SECOND).cpus()).isEqualTo(count);
    }

    @ParameterizedTest
    @CsvSource({"job_1, 1, ", "job_4294967295, 4294967295, ", "s5K1KKYAYG5D00, , s5K1KKYAYG5D00",
            "sEKNKTV3WPV500, , sEKNKTV3WPV500", "seknktv3wpv500, , sEKNKTV3WPV500"})
    void namesOfJobs(String folder, String jobId, String sluid) {
        assertThat(JobName.of(folder)).contains(new JobName(jobId, sluid));
    }

    @ParameterizedTest
    @CsvSource({"system", "job_", "job_0", "job_1x", "slurmd", "sZZZZZZZZZZZZZ", "sEKNKTV3WPV50U", "job_12345678901"})
    void namesOfOtherFolders(String folder) {
        assertThat(JobName.of(folder)).isEmpty();
    }
}
