package org.jobwitness.server.access;

import io.javalin.http.Context;
import io.javalin.router.Endpoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.http.CorrelationId;
import org.jobwitness.server.json.Printable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts refused requests, logs one of them at most every ten seconds, and has a row for those that are alike in the audit trail of
 * access, at most {@value #MAX_ROWS} and one for each cause in a minute: strangers decide how many there are. Thread-safe.
 */
public final class Refusals implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Refusals.class);
    private static final Duration LOG_INTERVAL = Duration.ofSeconds(10);
    private static final Duration WRITE_INTERVAL = Duration.ofMinutes(1);
    private static final int MAX_ROWS = 30;
    private static final String WHO = "refused_who";
    private static final String CAUSE = "refused_cause";

    private final Database database;
    private final Clock clock;
    private final Counter refused;
    private final ScheduledExecutorService timer = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("refusals").daemon().factory());
    private final Map<Refusal, Count> unwritten = new LinkedHashMap<>();
    private long unlogged;
    private long logNotBefore = System.nanoTime();

    /** Why a request was refused. */
    public enum Cause {
        /** It has none; this is not in the audit trail. */
        NO_TOKEN,
        /** Or an expired or revoked one, or one for another service. */
        UNKNOWN_TOKEN,
        NOT_ALLOWED,
        /** Somebody tried to sign in. */
        SIGN_IN,
        /** Somebody who is not the proxy sent its header. */
        PROXY_HEADER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private record Who(String actor, @Nullable User user) {
    }

    /**
     * Refused requests that are alike.
     *
     * @param actor who was authenticated; null for nobody
     * @param user who has signed in
     * @param request method and route; null for those that were too many to be told apart
     */
    record Refusal(Cause cause, @Nullable String actor, @Nullable User user, @Nullable String address,
            @Nullable String request) {
        static Refusal ofMany(Cause cause) {
            String unknown = null;
            return new Refusal(cause, unknown, null, unknown, unknown);
        }
    }

    /** How many there were, and the first of them. */
    record Count(long requests, Instant firstAt, String correlationId) {
        Count plus(Count later) {
            return new Count(requests + later.requests, firstAt, correlationId);
        }
    }

    public Refusals(Database database, Clock clock, PrometheusRegistry metrics) {
        this.database = database;
        this.clock = clock;
        refused = Counter.builder().name("jobwitness_requests_refused_total")
                .help("Refused requests, by cause.").labelNames("cause").register(metrics);
        for (Cause cause : Cause.values()) {
            refused.initLabelValues(cause.toString());
        }
    }

    public void start() {
        var _ = timer.scheduleWithFixedDelay(this::write, WRITE_INTERVAL.toMillis(), WRITE_INTERVAL.toMillis(),
                TimeUnit.MILLISECONDS);
    }

    /** Says whose request it is, in case that it is refused. */
    static void isOf(Context ctx, String actor, @Nullable User user) {
        ctx.attribute(WHO, new Who(actor, user));
    }

    /** Says that a request is refused, whatever the status of its response. */
    public static void isRefused(Context ctx, Cause cause) {
        ctx.attribute(CAUSE, cause);
    }

    /** Called after each request; {@code isOfBrowser} is whether it has the cookie of a session. */
    void count(Context ctx, boolean isOfBrowser) {
        Cause cause = cause(ctx, isOfBrowser);
        if (cause == null) {
            return;
        }
        refused.labelValues(cause.toString()).inc();
        long count = takeUnlogged();
        if (count > 0) {
            log.warn("requests_refused count={} cause={} request=\"{} {}\" address={}", count, cause, ctx.method(),
                    Printable.shown(ctx.path()).replace('"', '\''), ctx.ip());
        }
        if (cause != Cause.NO_TOKEN) {
            Endpoint endpoint = ctx.endpoints().matchedHttpEndpoint();
            Who who = ctx.attribute(WHO);
            String actor = who == null ? null : who.actor;
            User user = who == null ? null : who.user;
            String route = endpoint == null ? "" : " " + endpoint.path;
            add(new Refusal(cause, actor, user, ctx.ip(), ctx.method() + route),
                    new Count(1, clock.instant(), CorrelationId.of(ctx)));
        }
    }

    private static @Nullable Cause cause(Context ctx, boolean isOfBrowser) {
        int status = ctx.statusCode();
        Cause known = ctx.attribute(CAUSE);
        if (known != null || (status != 401 && status != 403)) {
            return known;
        }
        if (ctx.routeRoles().contains(Role.OPEN)) {
            return Cause.SIGN_IN;
        }
        if (status == 403) {
            return Cause.NOT_ALLOWED;
        }
        return ctx.header("Authorization") == null && !isOfBrowser ? Cause.NO_TOKEN : Cause.UNKNOWN_TOKEN;
    }

    /** How many there were since the last line, of which this is one; 0 if it is too early for another. */
    private synchronized long takeUnlogged() {
        unlogged++;
        if (System.nanoTime() - logNotBefore < 0) {
            return 0;
        }
        long count = unlogged;
        unlogged = 0;
        logNotBefore = System.nanoTime() + LOG_INTERVAL.toNanos();
        return count;
    }

    private synchronized void add(Refusal refusal, Count count) {
        boolean hasRoom = unwritten.size() < MAX_ROWS || unwritten.containsKey(refusal);
        unwritten.merge(hasRoom ? refusal : Refusal.ofMany(refusal.cause), count, Count::plus);
    }

    private synchronized Map<Refusal, Count> takeUnwritten() {
        Map<Refusal, Count> taken = new LinkedHashMap<>(unwritten);
        unwritten.clear();
        return taken;
    }

    /** Adds what there was since the last time to the audit trail; while the database is away, it waits for the next time. */
    void write() {
        Map<Refusal, Count> taken = takeUnwritten();
        if (taken.isEmpty()) {
            return;
        }
        try {
            database.write("access_events_refused", handle -> {
                taken.forEach((refusal, count) -> AccessEvents.addRefused(handle, refusal, count));
                return null;
            });
        } catch (RuntimeException e) {
            log.warn("refusals_unwritten cause=\"{}\"", String.valueOf(e.getMessage()).replace('"', '\''));
            taken.forEach(this::add);
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
        write();
    }
}
