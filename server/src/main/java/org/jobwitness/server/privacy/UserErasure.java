package org.jobwitness.server.privacy;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.access.AccessEvents;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.PersonalData;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.RunErasure;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.notice.NoticeErasure;
import org.jobwitness.server.report.OwnerErasure;

/** Takes a person out of all tables, in short transactions: whatever is done is done when it is broken off. */
public final class UserErasure {
    private static final int RUNS_AT_ONCE = 200;
    private static final long KEYS_AT_ONCE = 50_000;
    private static final Duration TRAIL_AT_ONCE = Duration.ofDays(1);

    private final Database database;
    private final Json json;
    private final Person person;

    public UserErasure(Database database, Json json, Person person) {
        this.database = database;
        this.json = json;
        this.person = person;
    }

    /** Is told how far it is. */
    @FunctionalInterface
    public interface Progress {
        void at(String what, long done);
    }

    /** How many of the person's runs have not ended: agents and Slurm report their user again. */
    public long open() {
        Condition owned = person.owned();
        return database.read("erase_open", handle -> handle
                .createQuery("select count(*) from job where state in ('pending', 'running') and " + owned.sql())
                .bindMap(owned.values()).mapTo(Long.class).one());
    }

    /**
     * Erases all.
     *
     * @param by who does it, for the audit trail of access
     * @return how many runs there were
     */
    public long erase(String by, Progress progress) {
        database.write("erase_access", handle -> {
            NoticeErasure.erase(handle, person.name());
            return PersonalData.erase(handle, person.user());
        });
        progress.at("sessions, sign-ins and notices", 0);
        database.writeInBackground("erase_reports", handle -> {
            OwnerErasure.erase(handle, person.owned(), person.name());
            return null;
        });
        progress.at("reports", 0);
        RunErasure runs = new RunErasure(json, person.name(), Caller.actor(person.user()));
        long erased = eraseRuns(runs, progress);
        eraseCancellations(runs);
        eraseTrail(runs, progress);
        database.write("erase_done", handle -> {
            AccessEvents.addErased(handle, by, erased);
            return null;
        });
        return erased;
    }

    private long eraseRuns(RunErasure runs, Progress progress) {
        long erased = 0;
        while (true) {
            int some = database.writeInBackground("erase_runs", handle -> {
                List<Long> keys = RunErasure.some(handle, person.owned(), RUNS_AT_ONCE);
                runs.erase(handle, keys);
                return keys.size();
            });
            if (some == 0) {
                return erased;
            }
            erased += some;
            progress.at("runs", erased);
        }
    }

    private void eraseCancellations(RunErasure runs) {
        long last = database.read("erase_last", handle -> handle
                .createQuery("select coalesce(max(job_key), 0) from job").mapTo(Long.class).one());
        for (long from = 0; from <= last; from += KEYS_AT_ONCE) {
            long first = from;
            database.writeInBackground("erase_cancellations", handle -> {
                runs.eraseCancellations(handle, first, first + KEYS_AT_ONCE);
                return null;
            });
        }
    }

    private void eraseTrail(RunErasure runs, Progress progress) {
        record Span(Instant first, Instant last) {
        }
        Optional<Span> span = database.read("erase_span", handle -> handle
                .createQuery("select min(at) as first_at, max(at) as last_at from audit having count(*) > 0")
                .map((row, _) -> new Span(row.getTimestamp("first_at").toInstant().truncatedTo(ChronoUnit.SECONDS),
                        row.getTimestamp("last_at").toInstant()))
                .findFirst());
        if (span.isEmpty()) {
            return;
        }
        long days = 0;
        for (Instant at = span.get().first; !at.isAfter(span.get().last); at = at.plus(TRAIL_AT_ONCE)) {
            Instant from = at;
            database.writeInBackground("erase_trail", handle -> {
                runs.eraseTrail(handle, person.user().cluster(), from, from.plus(TRAIL_AT_ONCE));
                return null;
            });
            progress.at("days of the audit trail", ++days);
        }
    }
}
