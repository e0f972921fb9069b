package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jobwitness.agent.Signal;
import org.jobwitness.agent.cgroup.CgroupTree;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.gpu.nvidia.StubNvml;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.ship.Destination;
import org.jobwitness.agent.ship.Shipper;
import org.jobwitness.agent.spool.BatchSpool;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The whole agent but for its main class, from NVML (the library that is built for tests) and prologs' events to what the service is
 * sent.
 */
class GpusOfJobsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    /** In the order of addresses, which is not that of NVML here. */
    private static final String FIRST = "GPU-00000000-0000-0000-0000-000000000001";
    private static final String SECOND = "GPU-00000000-0000-0000-0000-000000000000";

    @TempDir
    Path folder;
    private CgroupTree tree;
    private HttpServer service;
    private final List<JsonNode> batches = new CopyOnWriteArrayList<>();
    private final Signal received = new Signal();
    private StubNvml nvml;
    private BatchSpool spool;
    private Shipper shipper;
    private Gpus gpus;
    private Sampler sampler;
    private Thread thread;

    @BeforeEach
    void node() throws Exception {
        tree = new CgroupTree(folder.resolve("cgroup"));
        Path proc = folder.resolve("proc");
        Files.createDirectories(proc.resolve("sys/kernel"));
        Files.writeString(proc.resolve("sys/kernel/hostname"), "n7\n");
        service = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        service.createContext("/v1/batches", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean isPacked = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
            batches.add(JsonMapper.shared().readTree(isPacked
                    ? new GZIPInputStream(new ByteArrayInputStream(body)).readAllBytes()
                    : body));
            received.changed();
            answer(exchange, "{\"status\":\"stored\",\"version\":1,\"refused_count\":0,\"refused\":[]}");
        });
        service.createContext("/v1/events/", exchange -> answer(exchange, "{}"));
        service.start();
        nvml = new StubNvml(StubNvml.build(folder), folder);
    }

    private static void answer(HttpExchange exchange, String json) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            byte[] body = json.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    private void start() throws Exception {
        AgentConfig config = AgentConfig.read(
                List.of("--interval=1", "--cgroup-root=" + tree.root(), "--proc-root=" + folder.resolve("proc"),
                        "--sys-root=" + folder.resolve("sys"), "--spool-dir=" + folder.resolve("spool"),
                        "--dir=" + folder.resolve("own"),
                        "--api-url=http://127.0.0.1:" + service.getAddress().getPort()),
                Map.of(), folder.resolve("none"));
        Log log = new Log(System.err);
        spool = new BatchSpool(config.folder(), config.spoolBytes(), config.spoolAge(), NodeClock.SYSTEM, log);
        shipper = new Shipper(new Destination(config.url(), null, null), config.events(), config.jitter(), spool,
                NodeClock.SYSTEM, log);
        gpus = new Gpus(List.of(nvml.nvidia()), NodeClock.SYSTEM, log);
        sampler = new Sampler(config, new Watch(config.cgroupRoot(), NodeClock.SYSTEM), gpus, shipper::add,
                shipper::eventsChanged,
                "test", NodeClock.SYSTEM, log);
        thread = new Thread(() -> {
            try {
                sampler.run();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        shipper.start();
        thread.start();
    }

    @AfterEach
    void stop() throws Exception {
        if (sampler != null) {
            sampler.close();
            thread.join(PATIENCE);
            gpus.close();
            shipper.close();
            spool.close();
        }
        service.stop(0);
    }

    private void prolog(String jobId, String device) throws IOException {
        Path events = Files.createDirectories(folder.resolve("spool/events"));
        Path draft = Files.writeString(folder.resolve("spool/draft"), """
                {"event_id":"n7-%1$s","job_id":"%1$s","cluster":"rig","start_time":"2026-11-22T22:00:29Z","node":"n7",\
                "user":"alice","node_list":["n7"],"gpu_allocation":1,"gpu_devices":["%2$s"],"gpu_vendor":"nvidia"}
                """.formatted(jobId, device));
        Files.move(draft, events.resolve("1795384829-" + jobId + "-started-1.json"));
    }

    private JsonNode gpu(String uuid, Predicate<JsonNode> wanted) {
        Supplier<Stream<JsonNode>> found = () -> batches.stream().flatMap(batch -> batch.path("gpus").valueStream())
                .filter(gpu -> gpu.path("gpu").stringValue().equals(uuid) && wanted.test(gpu));
        received.await(uuid + " is reported", () -> found.get().findAny().isPresent(), () -> batches);
        return found.get().findFirst().orElseThrow();
    }

    @Test
    void ofAJobThatSlurmHasSuspendedNoUseIsTold() throws Exception {
        tree.tasks(tree.job("job_6"), "batch", true, true);
        prolog("6", SECOND);
        nvml.busy(0, 1000, 1, 0);
        start();
        gpu(SECOND, gpu -> "6".equals(gpu.path("job_id").asString("")));
        nvml.busy(0, 1001, 6, 0);
        JsonNode suspended = gpu(SECOND,
                gpu -> "the job was suspended".equals(gpu.path("absent").path("utilization_percent").asString("")));
        assertThat(suspended.path("job_id").stringValue()).isEqualTo("6");
        assertThat(suspended.has("utilization_percent")).isFalse();
        assertThat(suspended.has("memory_used_bytes")).as("it keeps that").isTrue();
    }

    @Test
    void oneJobHoldsAGpuAndDoesNothingAndAnotherComputes() throws Exception {
        for (int pid : List.of(4001, 4002)) {
            Path process = Files.createDirectories(folder.resolve("proc/" + pid));
            Files.writeString(process.resolve("cgroup"),
                    "0::/system.slice/slurmstepd.scope/job_6/step_0/user/task_0\n");
        }
        Files.createDirectories(folder.resolve("proc/4003"));
        Files.writeString(folder.resolve("proc/4003/cgroup"), "0::/user.slice\n");
        tree.job("job_5");
        tree.job("job_6");
        prolog("5", "0");
        prolog("6", SECOND);
        nvml.busy(0, 1000, 1, 0);
        nvml.busy(1, 1000, 1, 0);
        start();
        gpu(SECOND, gpu -> "6".equals(gpu.path("job_id").asString("")));
        nvml.busy(0, 1001, 6, 90);
        nvml.busy(1, 1001, 6, 0);

        JsonNode busy = gpu(SECOND, gpu -> gpu.has("utilization_percent"));
        assertThat(busy.path("job_id").stringValue()).isEqualTo("6");
        assertThat(busy.path("utilization_percent").doubleValue()).isEqualTo(90);
        assertThat(busy.path("processes").intValue()).as("and one of the node itself").isEqualTo(2);
        JsonNode idle = gpu(FIRST, gpu -> gpu.has("utilization_percent"));
        assertThat(idle.path("job_id").stringValue()).as("by its index").isEqualTo("5");
        assertThat(idle.path("processes").intValue()).isZero();
        assertThat(idle.path("utilization_percent").doubleValue()).isZero();
        assertThat(batches).anySatisfy(batch -> {
            assertThat(batch.path("node_figures").path("total_gpus").asInt(0)).isEqualTo(2);
            assertThat(batch.path("node_figures").has("gpu_usage_percent")).isTrue();
        });
    }
}
