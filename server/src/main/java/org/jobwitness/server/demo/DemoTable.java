package org.jobwitness.server.demo;

import static org.jobwitness.server.db.Columns.knownTime;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import org.jobwitness.server.db.Database;

/** Keeps which cluster is simulated, up to when it was delivered, and when the server was down last. */
final class DemoTable {
    private final Database database;

    DemoTable(Database database) {
        this.database = database;
    }

    /** Everything up to {@code deliveredTo} is in the database. */
    record Progress(long seed, Instant epoch, Instant deliveredTo, Downtime downtime) {
    }

    /** A time during which nothing was delivered. */
    record Downtime(Instant from, Instant to) {
    }

    /** The stored progress; if there is none yet, stores this. */
    Progress open(Progress fresh) {
        return database.write("demo_open", handle -> {
            handle.createUpdate("""
                    insert into demo (cluster, seed, epoch, delivered_to, downtime_from, downtime_to)
                    values (:cluster, :seed, :epoch, :delivered_to, :downtime_from, :downtime_to)
                    on conflict do nothing""").bind("cluster", Timeline.CLUSTER).bind("seed", fresh.seed())
                    .bind("epoch", fresh.epoch()).bind("delivered_to", fresh.deliveredTo())
                    .bind("downtime_from", fresh.downtime().from()).bind("downtime_to", fresh.downtime().to())
                    .execute();
            return handle.createQuery("select * from demo where cluster = :cluster")
                    .bind("cluster", Timeline.CLUSTER).map((row, _) -> progress(row)).one();
        });
    }

    private static Progress progress(ResultSet row) throws SQLException {
        return new Progress(row.getLong("seed"), knownTime(row, "epoch"), knownTime(row, "delivered_to"),
                new Downtime(knownTime(row, "downtime_from"), knownTime(row, "downtime_to")));
    }

    void storeDowntime(Downtime downtime) {
        database.write("demo_downtime", handle -> handle.createUpdate("""
                update demo set downtime_from = :from, downtime_to = :to where cluster = :cluster""")
                .bind("from", downtime.from()).bind("to", downtime.to()).bind("cluster", Timeline.CLUSTER).execute());
    }

    void storeDeliveredTo(Instant moment) {
        database.write("demo_delivered", handle -> handle.createUpdate("""
                update demo set delivered_to = :moment where cluster = :cluster and delivered_to < :moment""")
                .bind("moment", moment).bind("cluster", Timeline.CLUSTER).execute());
    }
}
