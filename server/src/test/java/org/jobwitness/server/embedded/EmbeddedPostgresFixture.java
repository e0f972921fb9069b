package org.jobwitness.server.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.function.LongPredicate;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Waiting;

/** What the tests of the embedded PostgreSQL see of it from outside: by JDBC, and in /proc. */
public final class EmbeddedPostgresFixture {
    public static final Duration START_TIMEOUT = Duration.ofMinutes(1);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    interface Attempt {
        boolean succeeds() throws SQLException, IOException;
    }

    private EmbeddedPostgresFixture() {
    }

    public static EmbeddedPostgres start(Path dataFolder) throws InterruptedException {
        return EmbeddedPostgres.start(dataFolder, START_TIMEOUT);
    }

    public static void execute(DatabaseAddress address, String statement) throws SQLException {
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                var query = connection.createStatement()) {
            query.execute(statement);
        }
    }

    public static String value(DatabaseAddress address, String query) throws SQLException {
        try (var connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
                var statement = connection.createStatement();
                var rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }

    public static long postmasterPid(Path dataFolder) throws IOException {
        return Long.parseLong(Files.readAllLines(files(dataFolder).resolve("postmaster.pid")).getFirst().strip());
    }

    public static Path files(Path dataFolder) {
        return dataFolder.resolve("postgres").resolve("data-18");
    }

    /**
     * Every process that works in the data folder, found by another sign than the one the program goes by: it can stay
     * for a moment longer, while the kernel clears the process away.
     */
    public static List<Long> processesIn(Path dataFolder) {
        LongPredicate worksThere = pid -> {
            try {
                return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "cwd")).startsWith(dataFolder);
            } catch (IOException e) {
                return false;
            }
        };
        return ProcessHandle.allProcesses().map(ProcessHandle::pid).filter(worksThere::test).toList();
    }

    public static void kill(long pid) {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }

    public static void eventually(Attempt attempt) throws InterruptedException {
        Waiting.until("the attempt succeeds", PATIENCE, () -> {
            try {
                return attempt.succeeds();
            } catch (SQLException e) {
                return false;
            }
        });
    }
}
