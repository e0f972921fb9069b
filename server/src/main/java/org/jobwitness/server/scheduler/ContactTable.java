package org.jobwitness.server.scheduler;

import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.time;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jspecify.annotations.Nullable;

/** Owns the memory of how asking Slurm went, so that each server can tell, and the next one to ask goes on from there. */
final class ContactTable {
    private final Database database;

    ContactTable(Database database) {
        this.database = database;
    }

    /** Who is asked. */
    enum Part {
        CONTROLLER,
        ACCOUNTING,
        NODES;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * How it goes.
     *
     * @param trouble what is wrong since {@code answeredAt}; null if nothing is
     */
    record Contact(Part part, Instant askedAt, @Nullable Instant answeredAt, @Nullable String trouble) {
    }

    void answered(Part part, Instant now) {
        put(part, now, now, null);
    }

    void failed(Part part, Instant now, String trouble) {
        put(part, now, null, trouble);
    }

    private void put(Part part, Instant now, @Nullable Instant answeredAt, @Nullable String trouble) {
        database.write("scheduler_contact", handle -> handle.createUpdate("""
                insert into scheduler_contact as known (part, asked_at, answered_at, trouble)
                values (:part, :now, :answered_at, :trouble)
                on conflict (part) do update set asked_at = excluded.asked_at, trouble = excluded.trouble,
                    answered_at = coalesce(excluded.answered_at, known.answered_at)""").bind("part", part.toString())
                .bind("now", now).bind("answered_at", answeredAt).bind("trouble", trouble).execute());
    }

    List<Contact> all() {
        return database.read("scheduler_contact", handle -> handle
                .createQuery("select part, asked_at, answered_at, trouble from scheduler_contact order by part")
                .map((row, _) -> new Contact(Part.valueOf(row.getString("part").toUpperCase(Locale.ROOT)),
                        knownTime(row, "asked_at"), time(row, "answered_at"), row.getString("trouble")))
                .list());
    }

    /** Up to when it is known what ended. */
    Optional<Instant> toldTo() {
        return database.read("scheduler_contact", handle -> handle
                .createQuery("select told_to from scheduler_contact where part = 'accounting' and told_to is not null")
                .map((row, _) -> knownTime(row, "told_to")).findFirst());
    }

    void toldTo(Instant to) {
        database.write("scheduler_contact", handle -> handle.createUpdate("""
                insert into scheduler_contact (part, asked_at, told_to) values ('accounting', :to, :to)
                on conflict (part) do update set told_to = excluded.told_to""").bind("to", to).execute());
    }
}
