package org.jobwitness.server.scheduler;

import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jobwitness.server.access.Coordinators;
import org.jobwitness.server.access.Scope.Account;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;

/**
 * Asks slurmdbd who coordinates which accounts, and which are below them. slurmdbd itself names the accounts below, too, but not on
 * which cluster they are: an account may be below another on one cluster and not on the other.
 */
final class CoordinatorPoll {
    private final Slurm slurm;
    private final Database database;
    private final SchedulerMetrics metrics;
    private final Clock clock;

    CoordinatorPoll(Slurm slurm, Database database, SchedulerMetrics metrics, Clock clock) {
        this.slurm = slurm;
        this.database = database;
        this.metrics = metrics;
        this.clock = clock;
    }

    void read(Leadership leadership) throws SlurmException, InterruptedException {
        List<SlurmUser> users = metrics.timed("users", slurm::users).stream()
                .filter(user -> !user.coordinated().isEmpty()).toList();
        leadership.check();
        List<SlurmAccount> accounts = users.isEmpty() ? List.of() : metrics.timed("accounts", slurm::accounts);
        leadership.check();
        Coordinators.replace(database, coordinated(users, accounts), clock.instant());
    }

    /** By user: on each cluster that has such an account, it and all below it. */
    static Map<String, Set<Account>> coordinated(List<SlurmUser> users, List<SlurmAccount> accounts) {
        Map<String, Set<Account>> byName = new HashMap<>();
        Map<Account, Set<Account>> below = new HashMap<>();
        for (SlurmAccount account : accounts) {
            Account one = new Account(account.cluster(), account.name());
            byName.computeIfAbsent(account.name(), _ -> new HashSet<>()).add(one);
            if (account.parent() != null) {
                below.computeIfAbsent(new Account(account.cluster(), account.parent()), _ -> new HashSet<>()).add(one);
            }
        }
        Map<String, Set<Account>> coordinated = new HashMap<>();
        for (SlurmUser user : users) {
            Set<Account> all = coordinated.computeIfAbsent(user.name(), _ -> new HashSet<>());
            Deque<Account> next = new ArrayDeque<>();
            user.coordinated().forEach(name -> next.addAll(byName.getOrDefault(name, Set.of())));
            while (!next.isEmpty()) {
                Account account = next.pop();
                if (all.add(account)) {
                    next.addAll(below.getOrDefault(account, Set.of()));
                }
            }
        }
        return coordinated;
    }
}
