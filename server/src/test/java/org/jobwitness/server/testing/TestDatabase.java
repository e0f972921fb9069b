package org.jobwitness.server.testing;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.ReportScope;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.access.User;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.job.EventLine;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Words;

/** A database of a test's own, with the server's tables in it. */
public final class TestDatabase implements AutoCloseable {
    public static final Caller OPERATOR = callerOf(new Scope.Everything());

    public final DatabaseAddress address;
    public final Database database;

    public TestDatabase() {
        this(PostgresVersion.NEWEST);
    }

    public TestDatabase(PostgresVersion version) {
        address = version.freshDatabase();
        database = TestPostgres.open(address,
                new Partitions(Duration.ofDays(7), Duration.ofDays(800), Clock.systemUTC()));
    }

    public static Caller callerOf(Scope scope) {
        return new Caller("tester", null, "test", "correlation-1", Role.OPERATOR, scope,
                new ReportScope.Everything(), null, null);
    }

    /** What a user sees who coordinates no account, and of whom only the name is known. */
    public static Scope jobsOf(String user) {
        return new Scope.JobsOf(new User(user, null, null), Set.of());
    }

    /** Says a line of a case file to the table. */
    public static String say(JobTable jobs, String line) {
        return jobs.apply(OPERATOR, evidence(line)).status().toString();
    }

    public static Evidence evidence(String line) {
        int space = line.indexOf(' ');
        return EventLine.parse(line.substring(0, space), new Words(line.substring(space)));
    }

    /** The rows of a statement, each as the text of its first column. */
    public List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    public long number(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(Long.class).one());
    }

    public void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }

    /** Past the server. */
    public Connection connect() throws SQLException {
        return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
    }

    @Override
    public void close() {
        database.close();
    }
}
