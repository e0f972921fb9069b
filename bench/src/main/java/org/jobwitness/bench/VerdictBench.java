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
import java.util.List;
import java.util.Locale;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * Verdicts over HTTP, one after the other on one connection: of a job of 64 nodes with 256 GPUs that took a day, of one task of an
 * array of 1,000, and of a job of one node, with 200,000 other ended runs. A verdict reads sums only, so samples are not
 * inserted: their number does not matter.
 */
public final class VerdictBench {
    private static final int WARM_UP = 300;
    private static final int ROUNDS = 1000;
    private static final String RUNS = """
            with inserted as (
                insert into job (recorded_at, cluster, job_id, start_seen, start_time, user_name, nodes, cpus, memory_mb,
                    gpu_devices, end_seen, end_time, raw_state, scheduler_state, exit_code, exit_signal, oom_killed, superseded,
                    requeued, state, confirmed, newest, scheduler)
                select now(), 'alpha', %1$s, true, now() - interval '2 days' - n * interval '1 second', 'user' || n %% 500,
                    array(select 'n' || node from generate_series(1, %2$d) node), 64 * %2$d, 262144 * %2$d, '{}', true,
                    now() - interval '1 day' - n * interval '1 second', 'COMPLETED', 'completed', 0, 0, false, false, false,
                    'completed', true, true, %3$s
                from generate_series(1, %4$d) n
                returning job_key, nodes),
            on_nodes as (
                insert into job_node (job_key, node, cpus, gpus, ended)
                select job_key, node, 64, %5$d, true from inserted cross join unnest(nodes) node returning job_key, node),
            figures as (
                insert into job_figures (job_key, node, cpu_usage_usec, memory_peak_bytes, oom_kills, sample_count, covered_ms,
                    first_sample_at, last_sample_at, last_interval_ms, cpu_count, cpu_sum, cpu_max, memory_max_bytes,
                    anon_max_bytes, file_max_bytes, memory_stall_usec, io_stall_usec, cpu_throttled_usec, is_last, latest)
                select job_key, node, 86400000000, 61000000000, 0, 5760, 86400000, now() - interval '2 days',
                    now() - interval '1 day', 15000, 5760, 17280, 5, 60000000000, 50000000000, 8000000000, 10000000,
                    20000000, 0, true,
                    array[15000, 3, 60000000000, null, 64, 86400000000, 1, 1, 0, 1, 50000000000, 8000000000, 0, 0,
                        61000000000, 274877906944, 1, 1, 0, 0, 24, 1, 1, 1, 1]
                from on_nodes)
            insert into job_gpu_figures (job_key, node, gpu, gpu_vendor, sample_count, last_sample_at, last_interval_ms,
                utilization_sum, utilization_count, utilization_max, held_from, read_at, processes_max, latest)
            select job_key, node, 'GPU-' || gpu, 'nvidia', 5760, now() - interval '1 day', 15000, 0, 5760, 0,
                now() - interval '2 days', now() - interval '1 day', 0, array[15000, 0, 1, 1, 50, 30, 1, 0]
            from on_nodes cross join generate_series(1, %5$d) gpu""";

    private VerdictBench() {
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        try (ServerUnderTest server = ServerUnderTest.start(Path.of(args[0]))) {
            fill(server.database(),
                    String.format(Locale.ROOT, RUNS, "'o' || n", 1, "'{\"name\": \"other\"}'", 200_000, 0),
                    String.format(Locale.ROOT, RUNS, "'large'", 64, "'{\"name\": \"large\"}'", 1, 4),
                    String.format(Locale.ROOT, RUNS, "'a' || n", 1, "'{\"name\": \"sweep\", \"array_job_id\": \"a1\"}'",
                            1000, 0),
                    "update job set user_name = 'user1' where scheduler ->> 'array_job_id' = 'a1'");
            for (String job : List.of("large", "a1", "o17")) {
                Times times = new Times();
                long bytes = 0;
                for (int round = 0; round < WARM_UP + ROUNDS; round++) {
                    if (round == WARM_UP) {
                        times.clear();
                    }
                    long began = System.nanoTime();
                    bytes = verdict(server.port(), job);
                    times.add(System.nanoTime() - began);
                }
                System.out.println(job + ": " + bytes + " bytes, p50 / p99 / longest " + times);
            }
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

    private static long verdict(int port, String job) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI
                .create("http://127.0.0.1:" + port + "/v1/jobs/" + job + "/verdict").toURL().openConnection();
        try (InputStream in = connection.getInputStream()) {
            return in.readAllBytes().length;
        }
    }
}
