package org.jobwitness.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import org.jobwitness.server.db.DatabaseAddress;

/**
 * Reports over HTTP, one after the other on one connection, of a year of 10 million runs: 2,000 users in 150 accounts and 6
 * partitions, of whom 900 combinations have ends on a day, each in two ways; on 1,000 nodes of which each has ends of 6 combinations on a day.
 * Reports read the sums of days only, so runs are not inserted: their number does not matter.
 */
public final class ReportBench {
    private static final int WARM_UP = 3;
    private static final int ROUNDS = 20;
    private static final String OWNERS = """
            insert into report_owner (cluster, user_name, uid, account, partition)
            select 'alpha', 'user' || n % 2000, 1000 + n % 2000, 'account' || n % 2000 % 150, 'part' || n / 2000
            from generate_series(0, 5999) n""";
    /** Primes spread the owners of a day over all of them. */
    private static final String DAYS = """
            insert into report_day
            select current_date - day, %1$s, 1 + (%2$s * 7919 + day * 104729) %% 6000,
                case when %2$s %% 4 = 0 then 'NVIDIA H100 80GB HBM3' else '' end,
                case way when 0 then 'completed' else 'failed' end, case way when 0 then '' else 'exit_code' end,
                15, 1, 90000000, 88000000, 720000000, 700000000, 400000000, 300000000, 90000000, 80000000, 40000000,
                40000000, 5898240000, 5800000000, 3000000000, 2800000000, 40000000, 15, 36000000
            from generate_series(1, 365) day cross join generate_series(0, %3$d) n cross join generate_series(0, 1) way
            %4$s on conflict do nothing""";

    /** All amounts of report_month are bigint. */
    private static final String MONTHS = """
            do $$
            declare
                names text := (select string_agg(column_name, ', ' order by column_name) from information_schema.columns
                    where table_name = 'report_month' and data_type = 'bigint');
            begin
                execute 'insert into report_month (day, cluster, node, gpu_model, state, reason, ' || names
                    || ') select date_trunc(''month'', day)::date, cluster, node, gpu_model, state, reason, sum('
                    || replace(names, ', ', '), sum(')
                    || ') from report_day join report_owner using (owner_id) group by 1, 2, 3, 4, 5, 6';
            end $$""";

    private ReportBench() {
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        try (ServerUnderTest server = ServerUnderTest.start(Path.of(args[0]))) {
            fill(server.database(), OWNERS, String.format(Locale.ROOT, DAYS, "''", "n", 899, ""),
                    String.format(Locale.ROOT, DAYS, "'node' || lpad(n::text, 4, '0')", "(n * 12 + own)", 999,
                            "cross join generate_series(0, 5) own"),
                    MONTHS);
            for (String question : List.of("by=account", "by=user&limit=10000", "by=user&every=week&sort=cpu_wasted",
                    "by=partition&every=month", "by=gpu_model&every=day&limit=10000", "by=account&user=user17",
                    "by=node&limit=1000&days=30", "by=node&limit=1000")) {
                measure(server.port(), question);
            }
        }
    }

    private static void measure(int port, String question) throws IOException {
        int days = question.contains("&days=") ? 30 : 365;
        String path = "/v1/reports?from=" + LocalDate.now(ZoneOffset.UTC).minusDays(days) + "&"
                + question.replaceFirst("&days=.*", "");
        Times times = new Times();
        long bytes = 0;
        for (int round = 0; round < WARM_UP + ROUNDS; round++) {
            if (round == WARM_UP) {
                times.clear();
            }
            long began = System.nanoTime();
            bytes = get(port, path);
            times.add(System.nanoTime() - began);
        }
        System.out.println(days + " days, " + question + ": " + bytes + " bytes, p50 / p99 / longest " + times);
    }

    private static void fill(DatabaseAddress address, String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection(address.jdbcUrl(), address.user(),
                address.password()); Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
            statement.execute("vacuum analyze");
            for (String table : List.of("report_day_of_runs", "report_day_of_nodes", "report_month")) {
                try (ResultSet row = statement.executeQuery(
                        "select count(*), pg_total_relation_size('" + table + "') / 1048576 from " + table)) {
                    row.next();
                    System.out.println(table + ": " + row.getLong(1) + " rows, " + row.getLong(2) + " MiB");
                }
            }
        }
    }

    private static long get(int port, String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + path).toURL()
                .openConnection();
        try (InputStream in = connection.getInputStream()) {
            return in.readAllBytes().length;
        }
    }
}
