package org.jobwitness.server.access;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jobwitness.server.access.Scope.Account;
import org.jobwitness.server.db.Database;

/**
 * Which accounts users coordinate, as the scheduler's accounting last said: for a day, since whoever is no coordinator any more
 * must not see others' jobs because the scheduler does not answer. They are few: all are kept in memory for some seconds.
 * Thread-safe.
 */
public final class Coordinators {
    private static final Duration VALID = Duration.ofDays(1);
    private static final Duration KEPT = Duration.ofSeconds(5);

    private final Database database;
    private final Clock clock;
    private volatile Known known = new Known(Map.of(), Instant.MIN);

    /** @param readAt from the database */
    private record Known(Map<String, Set<Account>> ofUsers, Instant readAt) {
    }

    public Coordinators(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * Takes the place of what was known.
     *
     * @param ofUsers by the user's name, with the accounts below those of which one was made the coordinator
     */
    public static void replace(Database database, Map<String, Set<Account>> ofUsers, Instant now) {
        database.write("coordinators_replace", handle -> {
            handle.execute("delete from coordinator");
            PreparedBatch batch = handle.prepareBatch("""
                    insert into coordinator (user_name, cluster, account, read_at)
                    values (:user, :cluster, :account, :now)""");
            ofUsers.forEach((user, accounts) -> accounts.forEach(account -> batch.bind("user", user)
                    .bind("cluster", account.cluster()).bind("account", account.name()).bind("now", now).add()));
            batch.execute();
            return null;
        });
    }

    /**
     * The accounts of a user. Slurm knows coordinators by name, and those of all of its clusters: none for a user without a name.
     */
    public Set<Account> of(User user) {
        if (user.name() == null) {
            return Set.of();
        }
        Set<Account> accounts = current().getOrDefault(user.name(), Set.of());
        return user.cluster() == null
                ? accounts
                : Set.copyOf(accounts.stream().filter(account -> account.cluster().equals(user.cluster())).toList());
    }

    private Map<String, Set<Account>> current() {
        Instant now = clock.instant();
        Known last = known;
        if (!now.isAfter(last.readAt.plus(KEPT)) && !now.isBefore(last.readAt)) {
            return last.ofUsers;
        }
        Map<String, Set<Account>> ofUsers = new HashMap<>();
        database.read("coordinators", handle -> {
            handle.createQuery("select user_name, cluster, account from coordinator where read_at > :since")
                    .bind("since", now.minus(VALID))
                    .map((row, _) -> ofUsers.computeIfAbsent(row.getString("user_name"), _ -> new HashSet<>())
                            .add(new Account(row.getString("cluster"), row.getString("account"))))
                    .list();
            return ofUsers;
        });
        known = new Known(ofUsers, now);
        return ofUsers;
    }
}
