package org.jobwitness.agent.status;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.sampling.SamplerCounts;
import org.jobwitness.agent.ship.ShipperCounts;
import org.jobwitness.agent.spool.Depth;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MetricsPageTest {
    private static final GpuName GPU = new GpuName(GpuVendor.AMD, "GPU-0123456789abcdef", null, null, 0, null, null);
    private static final GpuState STATE = new GpuState(GPU, null, null, null, null, null, null, null, List.of(), null,
            List.of(), null, Map.of());
    private static final Gpus.Snapshot GPUS = new Gpus.Snapshot(List.of(
            new Gpus.Available("NVIDIA", Instant.parse("2026-11-23T10:00:00Z"), Duration.ofMillis(3), null,
                    List.of(STATE, STATE)),
            new Gpus.Unavailable("AMD", List.of(GPU), "the driver has not answered for 12 s")));

    private MetricsPage page;
    private Gpus.Snapshot gpus = new Gpus.Snapshot(List.of());
    private int port;

    @BeforeEach
    void start() throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        Instant then = Instant.parse("2026-11-23T10:00:00Z");
        page = new MetricsPage(port, () -> new SamplerCounts(3, 1, 40, 2, 1_500_000, 6, 5),
                () -> new ShipperCounts(12, 1, 2, 5, 0, 3, 7, then, null),
                () -> new Depth(4, 4000, then, 1, 5, 6, 7, 8),
                () -> gpus, new Log(System.err));
        page.start();
    }

    @AfterEach
    void stop() {
        page.close();
    }

    private HttpURLConnection open(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + path).toURL()
                .openConnection();
        connection.setReadTimeout(10_000);
        return connection;
    }

    @Test
    void whatTheAgentKnowsOfItselfIsThere() throws IOException {
        String text = new String(open("/metrics").getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(text.lines()).contains("jobwitness_agent_jobs 3", "jobwitness_agent_unknown_jobs 1",
                "jobwitness_agent_last_cycle_seconds 0.0015", "jobwitness_agent_oom_kills_total 2",
                "jobwitness_agent_sampling_failures_total 6", "jobwitness_agent_figures_left_out_total 5",
                "jobwitness_agent_spool_batches 4", "jobwitness_agent_spool_dropped_too_much_total 6",
                "jobwitness_agent_batches_sent_total 12", "jobwitness_agent_events_untrusted 3",
                "jobwitness_agent_send_failures_total 7",
                "# TYPE jobwitness_agent_send_failures_total counter");
        assertThat(text).contains("jobwitness_agent_resident_memory_bytes ");
    }

    @Test
    void docsAgentHasEachFamilyAndNoOther() throws IOException {
        gpus = GPUS;
        Map<String, String> told = new TreeMap<>();
        for (String line : page.text().lines().filter(line -> line.startsWith("# ")).toList()) {
            String[] words = line.split(" ", 4);
            told.merge(words[2], words[3], (help, type) -> type + " | " + help);
        }
        assertThat(Files.readAllLines(Path.of("../docs/agent.md")).stream()
                .filter(line -> line.startsWith("| `jobwitness_agent_")))
                .containsExactlyInAnyOrderElementsOf(told.entrySet().stream()
                        .map(family -> "| `%s` | %s |".formatted(family.getKey(), family.getValue())).toList());
    }

    @Test
    void nothingElseIsThere() throws IOException {
        assertThat(open("/").getResponseCode()).isEqualTo(404);
        assertThat(open("/metrics/x").getResponseCode()).isEqualTo(404);
    }

    @Test
    void aNodeWithGpusTellsWhoToldOfThem() {
        assertThat(page.text()).doesNotContain("jobwitness_agent_gpu");
        gpus = GPUS;
        assertThat(page.text().lines()).contains("jobwitness_agent_gpus{source=\"NVIDIA\"} 2",
                "jobwitness_agent_gpus{source=\"AMD\"} 1", "jobwitness_agent_gpu_source_silent{source=\"NVIDIA\"} 0",
                "jobwitness_agent_gpu_source_silent{source=\"AMD\"} 1",
                "jobwitness_agent_gpu_read_timestamp_seconds{source=\"NVIDIA\"} 1.795428E9",
                "jobwitness_agent_gpu_read_seconds{source=\"NVIDIA\"} 0.003");
    }

    @Test
    void whoSaysNothingHoldsNobodyUpForLong() throws IOException {
        try (Socket silent = new Socket("127.0.0.1", port)) {
            silent.getOutputStream().write('G');
            assertThat(open("/metrics").getResponseCode()).isEqualTo(200);
        }
    }

    @Test
    void promtoolHasNothingToSay() throws Exception {
        Path promtool = Path.of("/usr/bin/promtool");
        assumeTrue(Files.isExecutable(promtool), "promtool is not installed");
        Process check = new ProcessBuilder(promtool.toString(), "check", "metrics").redirectErrorStream(true).start();
        check.getOutputStream().write(page.text().getBytes(StandardCharsets.UTF_8));
        check.getOutputStream().close();
        assertThat(new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8)).isEmpty();
        assertThat(check.waitFor()).isZero();
    }
}
