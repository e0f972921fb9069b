package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jobwitness.agent.ForeignUser;
import org.jobwitness.agent.Signal;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.wire.JobReading;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The sampler on cgroups of this machine's kernel: what plain files cannot play, namely a folder that the kernel empties, says so,
 * and removes under open files. Wants a cgroup v2 that it may write to; controllers are not needed.
 */
class RealCgroupTest {
    private static final List<Path> MOUNTS = List.of(Path.of("/sys/fs/cgroup"), Path.of("/sys/fs/cgroup/unified"));

    @TempDir
    Path folder;
    private Path mount;
    private Path scope;
    private final List<JobReading> readings = new CopyOnWriteArrayList<>();
    /** What the sampler has dealt with. */
    private final List<Watch.Event> handled = new CopyOnWriteArrayList<>();
    private final Signal received = new Signal();
    /** Cgroups of another user, from the top. */
    private final List<Path> delegated = new ArrayList<>();
    private Sampler sampler;
    private Thread thread;
    private volatile boolean isStopped;

    /** Skipped where there are no cgroups to be made, as in most containers: a made-up tree would prove nothing of the kernel. */
    @BeforeEach
    void scope() throws Exception {
        mount = MOUNTS.stream().filter(root -> Files.exists(root.resolve("cgroup.controllers"))).findFirst()
                .orElseGet(() -> abort("there is no cgroup v2 here"));
        scope = mount.resolve("jobwitness-test-" + ProcessHandle.current().pid() + ".slice/slurmstepd.scope");
        try {
            Files.createDirectories(scope);
        } catch (IOException e) {
            abort("cgroups cannot be made here: " + e);
        }
        AgentConfig config = AgentConfig.read(List.of("--interval=300", "--cgroup-root=" + mount, "--node=n1"),
                Map.of(),
                folder.resolve("none"));
        Log log = new Log(System.err);
        Watch watch = new Watch(mount, NodeClock.SYSTEM);
        sampler = new Sampler(config, watch, new Gpus(List.of(), NodeClock.SYSTEM, log),
                (batch, atOnce) -> {
                    readings.addAll(batch.jobs());
                    received.changed();
                }, () -> {
                }, "test", NodeClock.SYSTEM, log);
        thread = new Thread(() -> {
            try {
                work(watch);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
    }

    /** As {@link Sampler#run}, and tells how far it is. */
    private void work(Watch watch) throws InterruptedException {
        sampler.start();
        while (!isStopped) {
            List<Watch.Event> events = watch.await(sampler.nanosUntilNext());
            sampler.step(events);
            handled.addAll(events);
            received.changed();
        }
    }

    @AfterEach
    void removed() throws Exception {
        if (sampler != null) {
            isStopped = true;
            sampler.close();
            thread.join();
        }
        for (Path cgroup : delegated.reversed()) {
            Files.delete(cgroup);
        }
        Files.deleteIfExists(scope);
        Files.deleteIfExists(scope.getParent());
    }

    private JobReading reading(Predicate<JobReading> wanted) {
        received.await("such a reading comes", () -> readings.stream().anyMatch(wanted), () -> readings);
        return readings.stream().filter(wanted).findFirst().orElseThrow();
    }

    /** Runs a command as the only process of a job, and removes the job after it, as Slurm does: the step, and soon the rest. */
    private void run(String job, String command) throws Exception {
        Path batch = Files.createDirectories(scope.resolve(job + "/step_batch"));
        Path task = Files.createDirectory(Files.createDirectory(batch.resolve("user")).resolve("task_0"));
        Process process = new ProcessBuilder("sh", "-c", "echo $$ >'" + task + "/cgroup.procs'; " + command)
                .redirectErrorStream(true).start();
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        awaitHandled(new Watch.Event(scope, job, Watch.Kind.CREATED));
        for (Path gone : List.of(task, task.getParent(), batch)) {
            Files.delete(gone);
        }
        // Slurm takes 100 ms from here to the removal of the job.
        awaitHandled(new Watch.Event(batch.getParent(), "step_batch", Watch.Kind.DELETED));
        Files.delete(batch.getParent());
    }

    private void awaitHandled(Watch.Event event) {
        received.await("the sampler has dealt with " + event, () -> handled.contains(event), () -> handled);
    }

    @Test
    void aJobOfHalfASecondHasItsCpuTime() throws Exception {
        waitUntilItListens();
        run("job_21", "timeout 0.5 sh -c 'while :; do :; done'; true");
        JobReading last = reading(one -> one.jobId().equals("21") && Boolean.TRUE.equals(one.last()));
        assertThat(last.cpuUsageUsec()).as("of half a second, on a busy machine").isBetween(20_000L, 700_000L);
        assertThat(last.since()).isNotNull();
    }

    @Test
    void twentyJobsAtOnceAreAllTold() throws Exception {
        waitUntilItListens();
        List<Thread> runs = new CopyOnWriteArrayList<>();
        for (int i = 100; i < 120; i++) {
            String job = "job_" + i;
            runs.add(Thread.ofPlatform().start(() -> {
                try {
                    run(job, "sleep 0.3");
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }));
        }
        for (Thread run : runs) {
            run.join();
        }
        for (int i = 100; i < 120; i++) {
            String id = String.valueOf(i);
            JobReading last = reading(one -> one.jobId().equals(id) && Boolean.TRUE.equals(one.last()));
            assertThat(last.cpuUsageUsec()).as("of job " + id).isPositive();
        }
    }

    /**
     * systemd gives the cgroup of a user's session, or of a service with Delegate= and User=, to the user, who makes folders there
     * that look like another's job.
     */
    @Test
    void whatAUserMakesInADelegatedSubtreeIsNoJob() throws Exception {
        Path service = delegate(Files.createDirectory(scope.getParent().resolve("app.service")));
        makeAsUser(service.resolve("system.slice"), service.resolve("system.slice/n1_slurmstepd.scope"),
                service.resolve("system.slice/n1_slurmstepd.scope/job_4711"));
        Scopes.Found found = new Scopes(mount, "n1", "n1"::equals).find();
        assertThat(found.scopes()).extracting(Scopes.Scope::folder).contains(scope)
                .noneMatch(folder -> folder.startsWith(service));
        waitUntilItListens();
        assertThat(readings).extracting(JobReading::jobId).doesNotContain("4711");
    }

    private Path delegate(Path cgroup) throws IOException {
        delegated.add(cgroup);
        for (String file : List.of("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control")) {
            ForeignUser.own(cgroup.resolve(file));
        }
        return cgroup;
    }

    /** Not root, for whom the kernel would make more possible than for a user. */
    private void makeAsUser(Path... cgroups) throws Exception {
        for (Path cgroup : cgroups) {
            String uid = String.valueOf(ForeignUser.UID);
            Process mkdir = new ProcessBuilder("setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups", "mkdir",
                    cgroup.toString()).inheritIO().start();
            assertThat(mkdir.waitFor()).isZero();
            delegated.add(cgroup);
        }
    }

    @Test
    void filesOfAFolderThatTheKernelRemovedAreNoTrouble() throws Exception {
        Path job = Files.createDirectory(scope.resolve("job_31"));
        JobCgroup cgroup = new JobCgroup(job, new JobCgroup.Kernel(mount, Path.of("/proc"), Path.of("/sys")), true, 0);
        assertThat(cgroup.read(Instant.now(), 1)).isTrue();
        Files.delete(job);
        assertThat(cgroup.read(Instant.now(), 2)).as("ENODEV").isFalse();
        assertThat(cgroup.hasEmptied()).isFalse();
        cgroup.close();
    }

    /** It has seen a job, so it sees those that come. */
    private void waitUntilItListens() throws Exception {
        Path job = Files.createDirectory(scope.resolve("job_1"));
        reading(one -> one.jobId().equals("1"));
        Files.delete(job);
    }
}
