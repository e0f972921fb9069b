package org.jobwitness.server.demo;

import static org.jobwitness.server.db.Columns.knownTime;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.Database;

/** Owns the memory of the simulated cluster: which one it is, and up to when it has been told. */
final class DemoTable {
    private final Database database;

    DemoTable(Database database) {
        this.database = database;
    }

    /** The simulated cluster of this database. */
    record Told(long seed, Instant epoch, Instant to) {
        Timeline timeline() {
            return Timeline.of(seed, epoch);
        }
    }

    /** A run, as both sides know it. */
    record RunName(String jobId, Instant start) {
        static RunName of(Booking run) {
            return new RunName(run.id(), run.start());
        }
    }

    /** The cluster that is told here; if there is none yet, this one. */
    Told open(Told fresh) {
        return database.write("demo_open", handle -> {
            handle.createUpdate("""
                    insert into demo (cluster, seed, epoch, told_to) values (:cluster, :seed, :epoch, :told_to)
                    on conflict do nothing""").bind("cluster", Telling.CLUSTER).bind("seed", fresh.seed())
                    .bind("epoch", fresh.epoch()).bind("told_to", fresh.to()).execute();
            return handle.createQuery("select seed, epoch, told_to from demo where cluster = :cluster")
                    .bind("cluster", Telling.CLUSTER).map((row, _) -> told(row)).one();
        });
    }

    private static Told told(ResultSet row) throws SQLException {
        return new Told(row.getLong("seed"), knownTime(row, "epoch"),
                knownTime(row, "told_to"));
    }

    /** Notes that everything up to a moment has been told. */
    void toldTo(Instant moment) {
        database.write("demo_told", handle -> handle.createUpdate("""
                update demo set told_to = :moment where cluster = :cluster and told_to < :moment""")
                .bind("moment", moment).bind("cluster", Telling.CLUSTER).execute());
    }

    /** The database's keys of some runs; one that is not there, or was deleted, has none. */
    Map<RunName, Long> keysOf(Collection<Booking> runs) {
        List<String> ids = runs.stream().map(Booking::id).distinct().toList();
        return database.read("demo_keys", handle -> {
            Map<RunName, Long> keys = new HashMap<>();
            handle.createQuery("""
                    select job_key, job_id, scheduler_start from job
                    where cluster = :cluster and job_id = any(:ids) and scheduler_start is not null""")
                    .bind("cluster", Telling.CLUSTER).bindArray("ids", String.class, ids)
                    .map((row, _) -> keys.put(new RunName(row.getString("job_id"),
                            knownTime(row, "scheduler_start")),
                            row.getLong("job_key")))
                    .list();
            return keys;
        });
    }
}
