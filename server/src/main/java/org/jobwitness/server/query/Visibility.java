package org.jobwitness.server.query;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.access.Scope.Account;
import org.jobwitness.server.access.User;
import org.jobwitness.server.db.Condition;
import org.jspecify.annotations.Nullable;

/**
 * Which runs a scope may see: the one place where that becomes SQL, and the same without the database.
 *
 * <p>A run is a user's if its uid and its user name are that user's, as far as both are known of both. The uid alone would not do
 * where clusters number their users differently, nor the name where two clusters give one name to two people. A name that is a
 * uid in digits, or {@code nobody}, counts as unknown: it comes from a sender that could not look up the uid.
 */
public final class Visibility {
    private static final String NOBODY = "nobody";

    private Visibility() {
    }

    /** On columns of {@code job}, unqualified, so that {@code job} must be the innermost table with such columns. */
    public static Condition of(Scope scope) {
        return switch (scope) {
            case Scope.Everything _ -> new Condition("true", Map.of());
            case Scope.Nothing _ -> new Condition("false", Map.of());
            case Scope.OneRun one -> new Condition("job_key = :scope_run", Map.of("scope_run", one.run()));
            case Scope.JobsOf jobs -> of(jobs);
        };
    }

    private static Condition of(Scope.JobsOf jobs) {
        User user = jobs.user();
        List<String> any = new ArrayList<>();
        Map<String, Object> values = new HashMap<>();
        if (user.name() == null) {
            any.add("uid = :scope_uid");
        } else if (user.uid() == null) {
            any.add("user_name = :scope_user");
        } else {
            any.add("user_name = :scope_user and coalesce(uid, :scope_uid) = :scope_uid");
            any.add("uid = :scope_uid and coalesce(user_name, '" + NOBODY + "') in ('" + NOBODY + "', :scope_digits)");
        }
        put(values, "scope_user", user.name());
        put(values, "scope_uid", user.uid());
        put(values, "scope_digits", user.uid() == null ? null : user.uid().toString());
        String own = "(" + String.join(" or ", any) + ")";
        if (user.cluster() != null) {
            own = "(cluster = :scope_cluster and " + own + ")";
            values.put("scope_cluster", user.cluster());
        }
        if (jobs.coordinated().isEmpty()) {
            return new Condition(own, values);
        }
        List<Account> accounts = List.copyOf(jobs.coordinated());
        values.put("scope_clusters", accounts.stream().map(Account::cluster).toArray(String[]::new));
        values.put("scope_accounts", accounts.stream().map(Account::name).toArray(String[]::new));
        // The first condition on the account has an index.
        return new Condition("(" + own + " or account = any(:scope_accounts) and (cluster, account) in"
                + " (select * from unnest(:scope_clusters, :scope_accounts)))", values);
    }

    private static void put(Map<String, Object> values, String name, @Nullable Object value) {
        if (value != null) {
            values.put(name, value);
        }
    }

    /** The same of one run, as last read. */
    public static boolean includes(Scope scope, JobTraits run) {
        return switch (scope) {
            case Scope.Everything _ -> true;
            case Scope.Nothing _ -> false;
            case Scope.OneRun one -> one.run() == run.run();
            case Scope.JobsOf jobs -> isOf(jobs.user(), run) || isAmong(jobs.coordinated(), run);
        };
    }

    private static boolean isOf(User user, JobTraits run) {
        if (user.cluster() != null && !user.cluster().equals(run.cluster())) {
            return false;
        }
        if (user.name() == null) {
            return Objects.equals(user.uid(), run.uid());
        }
        boolean isSameUid = user.uid() != null && user.uid().equals(run.uid());
        if (user.name().equals(run.user())) {
            return isSameUid || user.uid() == null || run.uid() == null;
        }
        String name = Objects.requireNonNullElse(run.user(), NOBODY);
        return isSameUid && (name.equals(NOBODY) || name.equals(Objects.toString(run.uid())));
    }

    private static boolean isAmong(Set<Account> coordinated, JobTraits run) {
        return run.account() != null && coordinated.contains(new Account(run.cluster(), run.account()));
    }
}
