package org.jobwitness.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an administrator is told of a node. */
class CheckTest {
    @TempDir
    Path folder;
    private Tree tree;
    private HttpServer service;

    @BeforeEach
    void node() throws IOException {
        tree = new Tree(folder.resolve("cgroup"));
        Files.createDirectories(folder.resolve("proc/sys/kernel"));
        Files.writeString(folder.resolve("proc/sys/kernel/hostname"), "n1\n");
        Files.createDirectories(folder.resolve("queue"));
        Files.createDirectories(folder.resolve("spool/events"));
        Files.writeString(folder.resolve("token"), "secret\n");
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
        boolean works = new Check(AgentConfig.read(flags, Map.of(), folder.resolve("none")),
                new PrintStream(out, true, StandardCharsets.UTF_8)).run();
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
        assertThat(check()).startsWith("works").filteredOn(line -> !line.startsWith("less  spool")).allMatch(
                line -> line.startsWith("ok ") || line.equals("works"))
                .contains("ok    token: the service takes batches from here",
                        "ok    figures of jobs: from job_7", "ok    whose job: /proc tells the job of slurmstepd: 7");
    }

    @Test
    void whatACgroupLacksIsToldByItsCause() throws Exception {
        tree.captured();
        assertThat(check()).startsWith("works").contains(
                "less  figures of jobs: without pids: the pids controller is not enabled for jobs",
                "less  figures of jobs: without io_read_bytes, io_write_bytes: the io controller is not enabled for jobs,"
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
    void aServiceThatIsNotThereAndATokenThatIsNotItsOwn() throws Exception {
        tree.job("job_7");
        Files.writeString(folder.resolve("token"), "other\n");
        assertThat(check()).startsWith("FAILS")
                .anyMatch(line -> line.startsWith("FAILS token: the service answers 401"));
        assertThat(check("--token-file=/nowhere"))
                .anyMatch(line -> line.startsWith("FAILS token: /nowhere cannot be read"));
        service.stop(0);
        assertThat(check()).anyMatch(line -> line.startsWith("FAILS service: http://127.0.0.1:"));
    }
}
