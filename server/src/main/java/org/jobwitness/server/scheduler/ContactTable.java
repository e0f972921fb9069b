package org.jobwitness.server.scheduler;

import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.time;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jspecify.annotations.Nullable;

/** Owns the table of the last polls of Slurm, so that every server can show them, and the next one to poll continues from there. */
final class ContactTable {
    private final Database database;

    ContactTable(Database database) {
        this.database = database;
    }

    /** What of Slurm is polled. */
    enum Part {
        CONTROLLER,
        ACCOUNTING,
        NODES,
        COORDINATORS;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * The last polls.
     *
     * @param problem why it has not answered since {@code answeredAt}; null if it has
     */
    record Contact(Part part, Instant askedAt, @Nullable Instant answeredAt, @Nullable String problem) {
    }

    void answered(Part part, Instant now) {
        put(part, now, now, null);
    }

    void failed(Part part, Instant now, String problem) {
        put(part, now, null, problem);
    }

    private void put(Part part, Instant now, @Nullable Instant answeredAt, @Nullable String problem) {
        database.write("scheduler_contact", handle -> handle.createUpdate("""
                insert into scheduler_contact as known (part, asked_at, answered_at, problem)
                values (:part, :now, :answered_at, :problem)
                on conflict (part) do update set asked_at = excluded.asked_at, problem = excluded.problem,
                    answered_at = coalesce(excluded.answered_at, known.answered_at)""").bind("part", part.toString())
                .bind("now", now).bind("answered_at", answeredAt).bind("problem", problem).execute());
    }

    List<Contact> all() {
        return database.read("scheduler_contact", handle -> handle
                .createQuery("select part, asked_at, answered_at, problem from scheduler_contact order by part")
                .map((row, _) -> new Contact(Part.valueOf(row.getString("part").toUpperCase(Locale.ROOT)),
                        knownTime(row, "asked_at"), time(row, "answered_at"), row.getString("problem")))
                .list());
    }

    /** All ends up to then have been read. */
    Optional<Instant> endsReadTo() {
        return database.read("scheduler_contact", handle -> handle
                .createQuery(
                        "select ends_read_to from scheduler_contact where part = 'accounting' and ends_read_to is not null")
                .map((row, _) -> knownTime(row, "ends_read_to")).findFirst());
    }

    /** Slurm was asked for them now: reading those of many days takes a while. */
    void endsReadTo(Instant to, Instant now) {
        database.write("scheduler_contact", handle -> handle.createUpdate("""
                insert into scheduler_contact (part, asked_at, ends_read_to) values ('accounting', :now, :to)
                on conflict (part) do update set asked_at = excluded.asked_at, ends_read_to = excluded.ends_read_to""")
                .bind("to", to).bind("now", now).execute());
    }
}
