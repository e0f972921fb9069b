package org.jobwitness.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Locale;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * Scrapes of /metrics: 30,000 running job-nodes with all figures, 12,000 GPUs and 10,000 nodes, and 1,000,000 ended runs; then
 * four times as many jobs and GPUs, for the effect on memory. {@code JAVA_OPTS=-Xmx64m} in the environment shows how small a
 * heap is enough.
 */
public final class MetricsBench {
    private static final int JOBS = 15_000;
    private static final int GPUS = 12_000;
    private static final int ENDED = 1_000_000;
    private static final int SCRAPES = 10;
    private static final String RUNS = """
            with inserted as (
                insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, nodes, partition, account,
                    gpu_devices, end_seen, end_time, oom_killed, superseded, requeued, state, newest, scheduler)
                select now(), 'alpha', cast(n as text), true, now() - interval '2 days', 'user' || n %% 500,
                    array['n' || n %% 5000, 'n' || n %% 5000 + 5000], 'batch', 'account' || n %% 50, '{}', %1$s,
                    case when %1$s then now() - interval '1 day' end, false, false, false,
                    case when %1$s then 'completed' else 'running' end, true, '{"name": "job"}'
                from generate_series(%2$d, %3$d) n
                returning job_key, nodes, end_seen),
            on_nodes as (
                insert into job_node (job_key, node, cpus, ended)
                select job_key, node, 16, end_seen from inserted cross join unnest(nodes[1:%4$d]) node
                returning job_key, node, ended)
            insert into job_figures (job_key, node, oom_kills, sample_count, last_sample_at, last_interval_ms,
                cpu_count, cpu_sum, cpu_max, memory_peak_bytes, anon_max_bytes, covered_ms, latest)
            select job_key, node, 0, 100, case when ended then now() - interval '1 day' else now() end, 86400000,
                100, case when job_key %% 4 = 0 then 300 else 9300 end, 95, 5368709120, 3221225472, 172800000,
                array[86400000, 93.75, 4294967296 + job_key, 12.5, 16, 123456789012 + job_key, 100456789012, 345678901,
                    12345678, 23456789, 3221225472 + job_key, 1073741824, 1048576, 0, 5368709120, 8589934592, 1234567,
                    234567, 0, 0, 24, 9876543210 + job_key, 8765432109, 3456789, 456789]
            from on_nodes""";
    private static final String GPU_FIGURES = """
            insert into job_gpu_figures (job_key, node, gpu, gpu_vendor, sample_count, last_sample_at, last_interval_ms,
                utilization_sum, utilization_count, held_from, read_at, latest)
            select job_key, node, 'GPU-00000000-1111-2222-3333-' || lpad(cast(job_key as text), 12, '0'), 'nvidia', 100,
                now(), 86400000, 5000, 100, now() - interval '2 days', now(), array[86400000, 87.25, 42949672960 + job_key,
                    85899345920, 312.5, 64, 123456.789 + job_key, 2]
            from job join job_node using (job_key) where state = 'running'
            order by job_key desc limit %d""";
    private static final String NODES = """
            insert into node (cluster, node, at, interval_ms, state_at, state, total_cpus, total_memory_bytes, total_gpus,
                cpu_usage_percent, memory_usage_bytes, gpu_usage_percent, cpu_load)
            select 'alpha', 'n' || n, now(), 86400000, now() + interval '1 day', 'mixed', 64, 274877906944, 4, 71.25,
                123456789012, 33.5, 47.125
            from generate_series(0, 9999) n""";

    private MetricsBench() {
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        try (ServerUnderTest server = ServerUnderTest.start(Path.of(args[0]))) {
            fill(server.database(), String.format(Locale.ROOT, RUNS, "true", 1, ENDED, 1),
                    String.format(Locale.ROOT, RUNS, "false", ENDED + 1, ENDED + JOBS, 2),
                    String.format(Locale.ROOT, GPU_FIGURES, GPUS), NODES);
            measure(server);
            fill(server.database(), String.format(Locale.ROOT, RUNS, "false", ENDED + JOBS + 1, ENDED + 4 * JOBS, 2),
                    String.format(Locale.ROOT, GPU_FIGURES, 3 * GPUS));
            measure(server);
        }
    }

    private static void fill(DatabaseAddress address, String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection(address.jdbcUrl(), address.user(),
                address.password()); Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
            statement.execute("vacuum analyze");
        }
    }

    private static void measure(ServerUnderTest server) throws IOException {
        server.resetPeakMemory();
        for (String encoding : new String[]{"identity", "gzip"}) {
            scrape(server.port(), encoding);
            scrape(server.port(), encoding);
            double[] seconds = new double[SCRAPES];
            long bytes = 0;
            for (int i = 0; i < SCRAPES; i++) {
                long began = System.nanoTime();
                bytes = scrape(server.port(), encoding);
                seconds[i] = (System.nanoTime() - began) / 1e9;
            }
            Arrays.sort(seconds);
            System.out.printf(Locale.ROOT, "%-8s %.1f MB, %.2f to %.2f s, median %.2f s%n", encoding, bytes / 1e6,
                    seconds[0], seconds[SCRAPES - 1], seconds[SCRAPES / 2]);
        }
        System.out.println("server: " + server.memoryMiB("VmRSS") + " MiB resident, peak "
                + server.memoryMiB("VmHWM") + " MiB");
    }

    /** Number of bytes received; none is uncompressed or kept. */
    private static long scrape(int port, String encoding) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + "/metrics").toURL()
                .openConnection();
        connection.setRequestProperty("Accept-Encoding", encoding);
        byte[] buffer = new byte[1 << 16];
        long bytes = 0;
        try (InputStream in = connection.getInputStream()) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                bytes += n;
            }
        }
        return bytes;
    }
}
