package org.jobwitness.server.query;

import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.http.Context;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.job.SearchText;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Which runs a caller asks for, by their attributes; null means any.
 *
 * @param states one of them; empty for any
 * @param id a job's, in any form of {@link AskedId}; that of a job array or a heterogeneous job means all of it
 * @param text part of the job id in any of its forms, the job's name, the user, the account, the partition or a node's name
 */
public record JobFilter(Set<JobState> states, @Nullable Reason reason, @Nullable String user, @Nullable String node,
        @Nullable String partition, @Nullable String account, @Nullable String cluster, @Nullable String id,
        @Nullable String text) {
    /** The query parameters that it is read from. */
    public static final Set<String> PARAMETERS = Set.of("state", "reason", "user", "node", "partition", "account",
            "cluster", "id", "q");

    public JobFilter {
        states = Set.copyOf(states);
    }

    /** By what overviews are about; null means any. */
    public static JobFilter of(Set<JobState> states, @Nullable String user, @Nullable String account,
            @Nullable String node) {
        String any = null;
        return new JobFilter(states, null, user, node, any, account, any, any, any);
    }

    /** All of a job array or a heterogeneous job, or the runs of a job. */
    public static JobFilter ofId(Set<JobState> states, String cluster, String id) {
        String any = null;
        return new JobFilter(states, null, any, any, any, any, cluster, id, any);
    }

    public static JobFilter of(Context ctx) {
        return new JobFilter(states(ctx),
                constant(ctx, "reason", Reason.values(), Reason::toString).orElse(null), Requests.text(ctx, "user"),
                Requests.text(ctx, "node"), Requests.text(ctx, "partition"), Requests.text(ctx, "account"),
                Requests.text(ctx, "cluster"), Requests.askedJobId(ctx, "id"), Requests.text(ctx, "q"));
    }

    /** With commas between, or the parameter several times. */
    private static Set<JobState> states(Context ctx) {
        return ctx.queryParams("state").stream().flatMap(words -> Arrays.stream(words.split(",", -1)))
                .map(word -> constant("state", word, JobState.values(), JobState::toString))
                .collect(Collectors.toSet());
    }

    static <T> Optional<T> constant(Context ctx, String name, T[] all, Function<T, String> spelling) {
        return parameter(ctx, name).map(word -> constant(name, word, all, spelling));
    }

    private static <T> T constant(String name, String word, T[] all, Function<T, String> spelling) {
        return Arrays.stream(all).filter(one -> spelling.apply(one).equals(word)).findFirst()
                .orElseThrow(() -> ApiException.invalidField(name, name + " must be one of "
                        + Arrays.stream(all).map(spelling).collect(Collectors.joining(", ")) + ", was "
                        + shown(word)));
    }

    /** Whether a run is one of those that {@link #conditions} selects. */
    public boolean matches(JobTraits run) {
        return (states.isEmpty() || states.contains(run.state())) && (reason == null || reason == run.reason())
                && isOrAny(user, run.user()) && (node == null || run.nodes().contains(node))
                && isAmong(partition, run.partition()) && isOrAny(account, run.account())
                && isOrAny(cluster, run.cluster())
                && (id == null || AskedId.forms(id).stream().anyMatch(form -> form.means(run)))
                && (text == null || run.searchText().contains(SearchText.normalize(text)));
    }

    private static boolean isOrAny(@Nullable String wanted, @Nullable String is) {
        return wanted == null || wanted.equals(is);
    }

    /** A pending job may start in any of several partitions, with commas between. */
    private static boolean isAmong(@Nullable String wanted, @Nullable String partitions) {
        return isOrAny(wanted, partitions)
                || (partitions != null && List.of(partitions.split(",", -1)).contains(wanted));
    }

    /** The same as SQL: conditions on {@code job}. */
    Map<String, Condition> conditions() {
        Map<String, Condition> conditions = new LinkedHashMap<>();
        String anyOf = String.join(",", states.stream().map(JobState::toString).sorted().toList());
        add(conditions, "state", states.size() == 1 ? "state = :state" : "state = any(string_to_array(:state, ','))",
                states.isEmpty() ? null : anyOf);
        add(conditions, "reason", "reason = :reason", reason == null ? null : reason.toString());
        add(conditions, "user", "user_name = :user", user);
        add(conditions, "node", "exists (select from job_node where job_node.node = :node"
                + " and job_node.job_key = job.job_key)", node);
        add(conditions, "partition", "(partition = :partition or :partition = any(string_to_array(partition, ',')))",
                partition);
        add(conditions, "account", "account = :account", account);
        add(conditions, "cluster", "cluster = :cluster", cluster);
        if (id != null) {
            conditions.put("id", byId(AskedId.forms(id)));
        }
        add(conditions, "text", "search like :text", text == null ? null : pattern(text));
        return conditions;
    }

    private static Condition byId(List<AskedId> forms) {
        List<Condition> all = IntStream.range(0, forms.size()).mapToObj(i -> forms.get(i).condition("id" + i)).toList();
        Map<String, Object> values = new HashMap<>();
        all.forEach(condition -> values.putAll(condition.values()));
        return new Condition(all.stream().map(condition -> "(" + condition.sql() + ")")
                .collect(Collectors.joining(" or ", "(", ")")), values);
    }

    private static String pattern(String text) {
        return "%" + SearchText.normalize(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%";
    }

    static void add(Map<String, Condition> conditions, String name, String sql, @Nullable Object value) {
        if (value != null) {
            conditions.put(name, new Condition(sql, Map.of(name, value)));
        }
    }
}
