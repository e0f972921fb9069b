package org.jobwitness.server.notice;

import static org.jobwitness.server.http.Requests.onlyParameters;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.User;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.NoticeChoice;
import org.jobwitness.wire.NoticeState;

/** GET and POST /v1/notices: whether one is told of one's jobs. */
public final class NoticesEndpoint {
    private final NoticeTable table;
    private final NoticeSettings settings;
    private final Requests requests;
    private final Json json;
    private final Clock clock;

    public NoticesEndpoint(Database database, NoticeSettings settings, Requests requests, Json json, Clock clock) {
        this.table = new NoticeTable(database, json);
        this.settings = settings;
        this.requests = requests;
        this.json = json;
        this.clock = clock;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/notices", this::show, Role.USER);
        routes.post("/v1/notices", this::choose, Role.USER);
    }

    private void show(Context ctx) {
        onlyParameters(ctx, Set.of());
        answer(ctx, user(Caller.of(ctx)));
    }

    private void choose(Context ctx) {
        onlyParameters(ctx, Set.of());
        NoticeChoice choice = requests.body(ctx, NoticeChoice.class);
        String user = user(Caller.of(ctx));
        table.refuse(user, !choice.isWanted(), clock.instant());
        answer(ctx, user);
    }

    private void answer(Context ctx, String user) {
        List<String> channels = settings.channels().stream().map(Channel::toString).toList();
        ctx.result(json.text(new NoticeState(user, !table.refuses(user), channels)));
    }

    /** Nobody chooses for another. */
    private static String user(Caller caller) {
        User user = caller.user();
        if (user == null || user.name() == null) {
            throw ApiException.forbidden("only a user who has signed in, with a name, has notices");
        }
        return user.name();
    }
}
