package org.jobwitness.agent.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jobwitness.agent.cgroup.CgroupTree;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.amd.Amd;
import org.jobwitness.agent.gpu.amd.AmdTree;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an administrator is told of a node. */
class CheckTest {
    @TempDir
    Path folder;
    private CgroupTree tree;
    private HttpServer service;
    private final List<GpuSource> gpuSources = new ArrayList<>();

    @BeforeEach
    void node() throws IOException {
        tree = new CgroupTree(folder.resolve("cgroup"));
        Files.createDirectories(folder.resolve("proc/sys/kernel"));
        Files.writeString(folder.resolve("proc/sys/kernel/hostname"), "n1\n");
        Files.createDirectories(folder.resolve("queue"));
        Files.createDirectories(folder.resolve("spool/events"));
        Files.writeString(folder.resolve("token"), "secret\n");
        Files.setPosixFilePermissions(folder.resolve("token"), PosixFilePermissions.fromString("rw-r-----"));
        service = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        service.createContext("/v1/live", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        service.createContext("/v1/batches", exchange -> {
            exchange.getRequestBody().readAllBytes();
            boolean known = "Bearer secret".equals(exchange.getRequestHeaders().getFirst("Authorization"));
            exchange.sendResponseHeaders(known ? 400 : 401, -1);
            exchange.close();
        });
        service.start();
    }

    @AfterEach
    void stop() {
        service.stop(0);
    }

    /** What it prints; the first line says whether the agent would be of use. */
    private List<String> check(String... more) throws Exception {
        List<String> flags = new ArrayList<>(
                List.of("--cgroup-root=" + tree.root(), "--proc-root=" + folder.resolve("proc"),
                        "--dir=" + folder.resolve("queue"), "--spool-dir=" + folder.resolve("spool"), "--cluster=rig",
                        "--api-url=http://127.0.0.1:" + service.getAddress().getPort(),
                        "--token-file=" + folder.resolve("token")));
        flags.addAll(List.of(more));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        boolean works = new Check(AgentConfig.read(flags, Map.of(), folder.resolve("none")), gpuSources,
                NodeClock.SYSTEM, new PrintStream(out, true, StandardCharsets.UTF_8)).run();
        List<String> lines = new ArrayList<>(List.of(works ? "works" : "FAILS"));
        lines.addAll(out.toString(StandardCharsets.UTF_8).lines().toList());
        return lines;
    }

    @Test
    void aNodeThatGivesAllIsToldSo() throws Exception {
        Path job = tree.job("job_7");
        tree.write(tree.root().relativize(job) + "/step_batch/slurm/cgroup.procs", "11\n");
        Files.createDirectories(folder.resolve("proc/11"));
        Files.writeString(folder.resolve("proc/11/cmdline"), "slurmstepd: [7.batch]\0");
        assertThat(check()).startsWith("works").filteredOn(line -> !line.startsWith("warn  spool")).allMatch(
                line -> line.startsWith("ok ") || line.equals("works"))
                .contains("ok    token: the service accepts batches from this agent",
                        "ok    figures of jobs: from job_7", "ok    whose job: /proc shows the job of slurmstepd: 7");
    }

    @Test
    void whatACgroupLacksIsToldByItsCause() throws Exception {
        tree.captured();
        assertThat(check()).startsWith("works").contains(
                "warn  figures of jobs: without pids: the pids controller is not enabled for jobs",
                "warn  figures of jobs: without io_read_bytes, io_write_bytes: the io controller is not enabled for jobs,"
                        + " and the job has no process now");
    }

    @Test
    void aSluidThatNobodyTellsIsAFailure() throws Exception {
        tree.job("sEKNKTV3WPV500");
        assertThat(check()).startsWith("FAILS").anyMatch(line -> line.startsWith("FAILS whose job: sEKNKTV3WPV500"));
    }

    @Test
    void aNodeWithoutSlurmOrCgroupV2IsAFailure() throws Exception {
        assertThat(check()).startsWith("FAILS").anyMatch(line -> line.startsWith("FAILS Slurm's cgroups: there is no"));
        Files.delete(tree.root().resolve("cgroup.controllers"));
        tree.folder("memory");
        assertThat(check()).anyMatch(line -> line.startsWith("FAILS cgroup v2") && line.contains("but v1"));
    }

    @Test
    void gpusAreToldWithWhoHoldsThem() throws Exception {
        tree.job("job_7");
        tree.job("job_8");
        Files.writeString(folder.resolve("spool/events/1795384829-7-started-1.json"),
                "{\"event_id\":\"n1-7\",\"job_id\":\"7\",\"gpu_devices\":[\"0\"]}\n");
        assertThat(check()).contains("ok    GPUs: the node has no driver of NVIDIA or AMD");
        AmdTree gpus = new AmdTree(folder.resolve("sys"));
        gpus.mi210("0000:83:00.0", "79ccd55167a2124a");
        gpus.mi210("0000:e3:00.0", "d4a9ec48d03d261d");
        gpus.unit(1, 0x8300, "79ccd55167a2124a", 128, 1L << 36);
        gpus.folder("module/amdgpu");
        gpuSources.add(new Amd(folder.resolve("sys")));
        assertThat(check()).contains("ok    GPUs: 2 by AMD",
                "ok    GPU GPU-79ccd55167a2124a, AMD Instinct MI210: job 7 holds it, processes on it: 0",
                "warn  GPU GPU-d4a9ec48d03d261d, AMD Instinct MI210: may be held by 8: the prolog event of job 8 was not seen",
                "warn  figures of GPUs: without processes: the compute driver (KFD) does not show this GPU");
        gpus.delete("class/drm/card0/device");
        gpus.delete("class/drm/card1/device");
        assertThat(check()).startsWith("works")
                .anyMatch(line -> line.startsWith("warn  GPUs: AMD reads none: there is no GPU of the driver amdgpu"));
    }

    @Test
    void aServiceThatIsUnavailableExceptionAndATokenThatIsNotItsOwn() throws Exception {
        tree.job("job_7");
        Files.writeString(folder.resolve("token"), "other\n");
        assertThat(check()).startsWith("FAILS")
                .anyMatch(line -> line.startsWith("FAILS token: the service answers 401"));
        assertThat(check("--token-file=/nowhere"))
                .anyMatch(line -> line.startsWith("FAILS token: /nowhere cannot be read"));
        service.stop(0);
        assertThat(check()).anyMatch(line -> line.startsWith("FAILS service: http://127.0.0.1:"));
    }

    @Test
    void aSpoolThatOthersMayWriteIsWarnedOf() throws Exception {
        tree.job("job_7");
        Path event = Files.writeString(folder.resolve("spool/events/1795384829-7-started-1.json"), "{}\n");
        Files.setPosixFilePermissions(event, PosixFilePermissions.fromString("rw-rw-rw-"));
        assertThat(check()).contains("ok    prolog and epilog: " + event.getParent() + " can be read",
                "warn  prolog and epilog: files that are left there: 1, the first: " + event
                        + ": its group or all users may write it (mode 0666)");
        Path spool = folder.resolve("spool");
        Files.setPosixFilePermissions(spool, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThat(check()).contains("warn  prolog and epilog: no event is read or sent: " + spool
                + ": its group or all users may write it (mode 0777)");
    }

    @Test
    void aTokenThatAllUsersMayReadIsWarnedOf() throws Exception {
        tree.job("job_7");
        Path token = folder.resolve("token");
        Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(check()).contains(
                "warn  token: " + token + ": all users may read or write it (mode 0644); chmod 0640");
    }

    @Test
    void aScopeThatIsNotReadIsNamedWithItsCause() throws Exception {
        Path other = tree.folder("system.slice/n9_slurmstepd.scope");
        String warning = "warn  Slurm's cgroups: " + other
                + " is not read: no prolog, host name or setting says that n9 is on this host";
        assertThat(check()).startsWith("FAILS").contains(warning);
        assertThat(check("--node=n9,n10")).startsWith("works").doesNotContain(warning);
        Files.writeString(folder.resolve("spool/node"), "n9\n");
        assertThat(check()).startsWith("works").doesNotContain(warning);
    }

    @Test
    void slurmsNameOfTheNodeIsComparedWithTheHosts() throws Exception {
        tree.scope();
        assertThat(check()).contains(
                "ok    node: n1, the host's name; where Slurm's differs, it is used once a prolog has run");
        assertThat(check("--node=gpu01")).contains("ok    node: gpu01, from JOBWITNESS_NODE");
        Files.writeString(folder.resolve("spool/node"), "gpu01\n");
        assertThat(check()).contains("warn  node: Slurm's name of this node is gpu01, which is used; the host's is n1")
                .anySatisfy(line -> assertThat(line).contains("node gpu01, jobs now: 0"));
        assertThat(check("--node=n2")).contains("warn  node: JOBWITNESS_NODE is n2, but Slurm's name of this node is "
                + "gpu01: its jobs get a second node; unset it, or set Slurm's name");
        Files.writeString(folder.resolve("spool/node"), "n1\n");
        assertThat(check()).contains("ok    node: n1, and Slurm's prolog names it so");
        Files.writeString(folder.resolve("spool/node"), "../odd\u0000\n");
        assertThat(check()).anySatisfy(line -> assertThat(line).startsWith("ok    node: n1, the host's name"));
    }
}
