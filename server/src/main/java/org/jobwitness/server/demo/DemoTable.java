package org.jobwitness.server.demo;

import static org.jobwitness.server.db.Columns.knownTime;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import org.jobwitness.server.db.Database;

/** Owns the memory of the simulated cluster: which one it is, up to when it has been told, and when nobody listened last. */
final class DemoTable {
    private final Database database;

    DemoTable(Database database) {
        this.database = database;
    }

    /** The simulated cluster of this database. */
    record Told(long seed, Instant epoch, Instant to, Away away) {
        Timeline timeline() {
            return Timeline.of(seed, epoch);
        }
    }

    /**
     * A time when nobody listened.
     *
     * @param from up to when everything had been noted as told
     * @param to when somebody listened again
     */
    record Away(Instant from, Instant to) {
    }

    /** The cluster that is told here; if there is none yet, this one. */
    Told open(Told fresh) {
        return database.write("demo_open", handle -> {
            handle.createUpdate("""
                    insert into demo (cluster, seed, epoch, told_to, away_from, away_to)
                    values (:cluster, :seed, :epoch, :told_to, :away_from, :away_to)
                    on conflict do nothing""").bind("cluster", Telling.CLUSTER).bind("seed", fresh.seed())
                    .bind("epoch", fresh.epoch()).bind("told_to", fresh.to()).bind("away_from", fresh.away().from())
                    .bind("away_to", fresh.away().to()).execute();
            return handle.createQuery("select * from demo where cluster = :cluster")
                    .bind("cluster", Telling.CLUSTER).map((row, _) -> told(row)).one();
        });
    }

    private static Told told(ResultSet row) throws SQLException {
        return new Told(row.getLong("seed"), knownTime(row, "epoch"), knownTime(row, "told_to"),
                new Away(knownTime(row, "away_from"), knownTime(row, "away_to")));
    }

    /** Notes when nobody listened, before any of it is told. */
    void away(Away away) {
        database.write("demo_away", handle -> handle.createUpdate("""
                update demo set away_from = :from, away_to = :to where cluster = :cluster""")
                .bind("from", away.from()).bind("to", away.to()).bind("cluster", Telling.CLUSTER).execute());
    }

    /** Notes that everything up to a moment has been told. */
    void toldTo(Instant moment) {
        database.write("demo_told", handle -> handle.createUpdate("""
                update demo set told_to = :moment where cluster = :cluster and told_to < :moment""")
                .bind("moment", moment).bind("cluster", Telling.CLUSTER).execute());
    }
}
