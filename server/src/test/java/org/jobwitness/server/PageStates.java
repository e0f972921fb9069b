package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;

/** Runs in states in which the demo's jobs are not, for their pages. Each has nodes of its own. */
final class PageStates {
    static final String GAP = "780001";
    static final String SUSPENDED = "780002";
    static final String UNSURE_GPU = "780003";
    static final String TEN_SECONDS = "780004";
    static final String MONTH = "780005";
    static final String WIDE = "780006";
    static final String NO_SAMPLES = "780007";
    private static final int WIDE_NODES = 64;
    private static final long GIB = 1L << 30;

    private final TestServer server;
    private final Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    private long sequence;

    private PageStates(TestServer server) {
        this.server = server;
    }

    static void add(TestServer server) {
        PageStates states = new PageStates(server);
        states.gap();
        states.suspended();
        states.unsureGpu();
        states.tenSeconds();
        states.month();
        states.wide();
        states.started(NO_SAMPLES, "s7", states.now.minusSeconds(40), "");
        states.finished(NO_SAMPLES, "s7", states.now.minusSeconds(40), states.now.minusSeconds(30), 1);
    }

    private void post(String path, String body) {
        Exchange told = server.post(path, body);
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    private void started(String job, String nodes, Instant start, String more) {
        post("/v1/events/job-started", """
                {"job_id": "%s", "user": "grace", "account": "optics", "node_list": [%s], "start_time": "%s",
                 "timestamp": "%3$s", "cpus_per_node": "8", "memory_allocation_mb": 16384,
                 "scheduler": {"name": "state"} %s}"""
                .formatted(job, quoted(nodes), start, more));
    }

    private static String quoted(String nodes) {
        return Stream.of(nodes.split(",")).map(node -> "\"" + node + "\"").collect(Collectors.joining(","));
    }

    private void finished(String job, String node, Instant start, Instant end, int exitCode) {
        post("/v1/events/job-finished", """
                {"job_id": "%s", "node": "%s", "start_time": "%s", "timestamp": "%s", "exit_code": %d}"""
                .formatted(job, node, start, end, exitCode));
    }

    private void batch(String node, Instant at, String jobs, String gpus) {
        post("/v1/batches", """
                {"version": 1, "node": "%s", "boot_id": "b", "sequence": %d, "timestamp": "%s", "interval_ms": 60000,
                 "jobs": [%s], "gpus": [%s]}""".formatted(node, ++sequence, at, jobs, gpus));
    }

    /** @param minute since the start, of the counters */
    private static String reading(String job, Instant start, int minute, double memoryGib, double limitGib,
            String more) {
        long memory = (long) (memoryGib * GIB);
        return """
                {"job_id": "%s", "start_time": "%s", "cpus_used": 6.5, "cpus": 8, "cpu_usage_usec": %d,
                 "memory_usage_bytes": %d, "memory_anon_bytes": %d, "memory_limit_bytes": %d, "io_read_bytes": %d,
                 "io_write_bytes": %d %s}""".formatted(job, start, minute * 390_000_000L, memory, memory,
                (long) (limitGib * GIB), minute * 400_000_000L, minute * 40_000_000L, more);
    }

    /** An agent that was away from the 30th to the 70th minute. */
    private void gap() {
        Instant start = now.minus(2, ChronoUnit.HOURS);
        started(GAP, "s1", start, "");
        for (int minute = 1; minute <= 119; minute++) {
            if (minute < 30 || minute > 70) {
                batch("s1", start.plus(minute, ChronoUnit.MINUTES),
                        reading(GAP, start, minute, 3 + minute / 30.0, 16, ""), "");
            }
        }
    }

    /** Once before, with a limit that was raised, and again since five minutes. */
    private void suspended() {
        Instant start = now.minus(1, ChronoUnit.HOURS);
        started(SUSPENDED, "s2", start, "");
        for (int minute = 1; minute <= 60; minute++) {
            boolean isSuspended = (minute > 20 && minute <= 30) || minute > 55;
            batch("s2", start.plus(minute, ChronoUnit.MINUTES), reading(SUSPENDED, start, minute, 3.5,
                    minute < 40 ? 4 : 8, ", \"suspended_ms\": " + (isSuspended ? 60_000 : 0)), "");
        }
    }

    private void unsureGpu() {
        Instant start = now.minus(30, ChronoUnit.MINUTES);
        started(UNSURE_GPU, "s3", start, ", \"gpu_allocation\": 1, \"gpu_vendor\": \"nvidia\"");
        for (int minute = 1; minute <= 29; minute++) {
            batch("s3", start.plus(minute, ChronoUnit.MINUTES),
                    reading(UNSURE_GPU, start, minute, 2, 16, "")
                            + ", {\"job_id\": \"780099\", \"memory_usage_bytes\": 1}",
                    """
                            {"gpu": "GPU-77", "vendor": "nvidia", "claimed_by": ["%s", "780099"],
                             "utilization_percent": 40, "absent": {"job_id": "two jobs were given it"}}"""
                            .formatted(UNSURE_GPU));
        }
    }

    private void tenSeconds() {
        Instant start = now.minus(20, ChronoUnit.MINUTES);
        started(TEN_SECONDS, "s4", start, "");
        batch("s4", start.plusSeconds(9), reading(TEN_SECONDS, start, 0, 0.25, 16, ""), "");
        finished(TEN_SECONDS, "s4", start, start.plusSeconds(10), 0);
    }

    /** Of the first weeks, samples have expired. */
    private void month() {
        Instant start = now.minus(30, ChronoUnit.DAYS);
        started(MONTH, "s5", start, "");
        for (int hour = 100; hour > 0; hour -= 2) {
            batch("s5", now.minus(hour, ChronoUnit.HOURS), reading(MONTH, start, 43_200 - 60 * hour, 9, 16, ""), "");
        }
    }

    /** 64 nodes with 4 GPUs each: on w07 a process was killed for memory, on w11 no GPU is used. */
    private void wide() {
        Instant start = now.minus(10, ChronoUnit.MINUTES);
        started(WIDE, IntStream.rangeClosed(1, WIDE_NODES).mapToObj(PageStates::wideNode)
                .collect(Collectors.joining(",")), start, ", \"gpu_allocation\": 256, \"gpu_vendor\": \"nvidia\"");
        for (int minute = 1; minute <= 6; minute++) {
            Instant at = start.plus(minute, ChronoUnit.MINUTES);
            for (int n = 1; n <= WIDE_NODES; n++) {
                int node = n;
                String kill = n == 7 && minute == 5
                        ? """
                                , "oom_events": 1, "oom_kills": 1, "oom_kill_events": [{"timestamp": "%s", "step": "0",
                                 "killed": 1, "limit_bytes": %d, "cause": "limit"}]""".formatted(at.minusSeconds(3),
                                16 * GIB)
                        : "";
                batch(wideNode(n), at, reading(WIDE, start, minute, n == 7 ? 15.9 : 5 + n % 5, 16, kill),
                        IntStream.range(0, 4).mapToObj(gpu -> """
                                {"gpu": "GPU-%1$d-%2$d", "vendor": "nvidia", "job_id": "%3$s", "processes": 1,
                                 "utilization_percent": %4$d,
                                 "device": {"minor": %2$d, "model": "NVIDIA H100 80GB HBM3"}}"""
                                .formatted(node, gpu, WIDE, node == 11 ? 0 : 70 + node % 25))
                                .collect(Collectors.joining(",")));
            }
        }
    }

    private static String wideNode(int n) {
        return "w%02d".formatted(n);
    }

    /** As many as the map of the cluster shows, past the server, which would take minutes to hear of them. */
    static void manyNodes(TestServer server, int count) throws SQLException {
        try (Connection connection = server.sql(); var insert = connection.prepareStatement("""
                insert into node (cluster, node, at, interval_ms, state, state_at, total_cpus, total_memory_bytes, total_gpus,
                    cpu_usage_percent, memory_usage_bytes, gpu_usage_percent, cpu_load)
                select 'default', 'n' || lpad(n::text, 5, '0'), now(), 15000,
                    case when n % 97 = 0 then 'down' else 'allocated' end, now(), 64, 274877906944, 4, n % 101, 99999999999,
                    n % 89, 3 from generate_series(1, ?) n""")) {
            insert.setInt(1, count);
            insert.executeUpdate();
        }
    }
}
