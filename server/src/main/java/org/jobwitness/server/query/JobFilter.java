package org.jobwitness.server.query;

import static org.jobwitness.server.http.Requests.parameter;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.http.Context;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Which runs are asked for, by what they are. A null leaves the matter open.
 *
 * @param text is part of the job id, the job's name, the user, the account, the partition or a node's name
 */
public record JobFilter(@Nullable JobState state, @Nullable Reason reason, @Nullable String user, @Nullable String node,
        @Nullable String partition, @Nullable String account, @Nullable String cluster, @Nullable String text) {
    /** The query parameters that it is read from. */
    public static final Set<String> PARAMETERS = Set.of("state", "reason", "user", "node", "partition", "account",
            "cluster", "q");

    /** As a request has it. */
    public static JobFilter of(Context ctx) {
        return new JobFilter(constant(ctx, "state", JobState.values(), JobState::toString).orElse(null),
                constant(ctx, "reason", Reason.values(), Reason::toString).orElse(null), Requests.text(ctx, "user"),
                Requests.text(ctx, "node"), Requests.text(ctx, "partition"), Requests.text(ctx, "account"),
                Requests.text(ctx, "cluster"), Requests.text(ctx, "q"));
    }

    static <T> Optional<T> constant(Context ctx, String name, T[] all, Function<T, String> spelling) {
        return parameter(ctx, name).map(word -> Arrays.stream(all).filter(one -> spelling.apply(one).equals(word))
                .findFirst()
                .orElseThrow(() -> ApiException.invalidField(name, name + " must be one of "
                        + Arrays.stream(all).map(spelling).collect(Collectors.joining(", ")) + ", was "
                        + shown(word))));
    }

    /** Says of one run what {@code JobQueries.where} asks the database of all. */
    public boolean matches(JobTraits run) {
        return (state == null || state == run.state()) && (reason == null || reason == run.reason())
                && isOrOpen(user, run.user()) && (node == null || run.nodes().contains(node))
                && isOrOpen(partition, run.partition()) && isOrOpen(account, run.account())
                && isOrOpen(cluster, run.cluster()) && (text == null || run.holds(text.toLowerCase(Locale.ROOT)));
    }

    private static boolean isOrOpen(@Nullable String wanted, @Nullable String is) {
        return wanted == null || wanted.equals(is);
    }
}
