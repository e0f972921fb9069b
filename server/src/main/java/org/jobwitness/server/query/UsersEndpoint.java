package org.jobwitness.server.query;

import static org.jobwitness.server.http.Requests.onlyParameters;
import static org.jobwitness.server.http.Requests.text;
import static org.jobwitness.server.http.Requests.time;
import static org.jobwitness.server.json.Printable.shown;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.json.Json;

/** GET /v1/users/{user}/summary. */
public final class UsersEndpoint {
    private static final Duration DEFAULT_PERIOD = Duration.ofDays(30);

    private final UserSummaries summaries;
    private final Json json;
    private final Clock clock;

    public UsersEndpoint(UserSummaries summaries, Json json, Clock clock) {
        this.summaries = summaries;
        this.json = json;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/users/{user}/summary", this::summary, Role.USER);
    }

    private void summary(Context ctx) {
        onlyParameters(ctx, Set.of("from", "to", "cluster"));
        String user = ctx.pathParam("user");
        if (user.isBlank() || user.length() > 256 || user.codePoints().anyMatch(Character::isISOControl)) {
            throw ApiException.invalidField("user", "user must be 1 to 256 characters without control characters");
        }
        Instant to = Objects.requireNonNullElseGet(time(ctx, "to"),
                () -> clock.instant().truncatedTo(ChronoUnit.MILLIS));
        Instant from = Objects.requireNonNullElseGet(time(ctx, "from"), () -> to.minus(DEFAULT_PERIOD));
        if (!from.isBefore(to)) {
            throw ApiException.invalidField("from", "from " + from + " is not before to, which is " + to);
        }
        ctx.result(
                json.text(summaries.of(Caller.of(ctx), new UserSummaries.Question(user, text(ctx, "cluster"), from, to))
                        .orElseThrow(() -> ApiException.notFound("no run of user " + shown(user) + " is known"))));
    }
}
