package org.jobwitness.server.access;

import io.javalin.http.Context;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.Locale;
import org.jobwitness.server.json.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts refused requests, and logs one of them at most every ten seconds. Called by the threads of requests. */
final class Refusals {
    private static final Logger log = LoggerFactory.getLogger(Refusals.class);
    private static final Duration LOG_INTERVAL = Duration.ofSeconds(10);

    private final Counter refused;
    private long unlogged;
    private long logNotBefore = System.nanoTime();

    private enum Cause {
        NO_TOKEN,
        UNKNOWN_TOKEN,
        NOT_ALLOWED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    Refusals(PrometheusRegistry metrics) {
        refused = Counter.builder().name("jobwitness_requests_refused_total")
                .help("Requests refused with 401 or 403, by cause.").labelNames("cause").register(metrics);
        for (Cause cause : Cause.values()) {
            refused.initLabelValues(cause.toString());
        }
    }

    /** Called after each request. */
    void count(Context ctx) {
        int status = ctx.statusCode();
        if (status != 401 && status != 403) {
            return;
        }
        Cause cause = Cause.NOT_ALLOWED;
        if (status == 401) {
            cause = ctx.header("Authorization") == null ? Cause.NO_TOKEN : Cause.UNKNOWN_TOKEN;
        }
        refused.labelValues(cause.toString()).inc();
        long count = takeUnlogged();
        if (count > 0) {
            log.warn("requests_refused count={} cause={} request=\"{} {}\" address={}", count, cause, ctx.method(),
                    Printable.shown(ctx.path()).replace('"', '\''), ctx.ip());
        }
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
}
