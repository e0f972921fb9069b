package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.TestPostgres;
import org.jobwitness.server.http.Caller;
import org.jobwitness.server.http.Scope;

/** A database of a test's own, with the server's tables in it. */
final class TestDatabase implements AutoCloseable {
    static final Caller OPERATOR = callerOf(new Scope.Everything());

    final DatabaseAddress address = TestPostgres.freshDatabase();
    final Database database = new Database(address, 10, new PrometheusRegistry());

    TestDatabase() {
        database.start();
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (database.trouble().isPresent() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(5_000_000);
        }
        assertThat(database.trouble()).isEmpty();
    }

    static Caller callerOf(Scope scope) {
        return new Caller("tester", null, "test", "correlation-1", scope);
    }

    /** Says a line of a case file to the table. */
    static String say(JobTable jobs, String line) {
        return jobs.apply(OPERATOR, evidence(line)).status().toString();
    }

    static Evidence evidence(String line) {
        int space = line.indexOf(' ');
        return EventLine.parse(line.substring(0, space), new Words(line.substring(space)));
    }

    /** The rows of a statement, each as the text of its first column. */
    List<String> texts(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(String.class).list());
    }

    long number(String sql) {
        return database.read("test", handle -> handle.createQuery(sql).mapTo(Long.class).one());
    }

    void execute(String sql) {
        database.write("test", handle -> handle.execute(sql));
    }

    @Override
    public void close() {
        database.close();
    }
}
