package org.jobwitness.agent.ship;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jspecify.annotations.Nullable;

/**
 * Posts to the service, and decides how long to wait before the next request. There is one wait for all requests, because it is the
 * service that is unavailable. For the sending thread, except the counts.
 */
final class RetryingClient {
    private final ServiceClient client;
    private final Timing timing;
    private final Backoff backoff;
    private final RandomGenerator random;
    private final BatchSpool spool;
    private final InstantSource clock;
    /** Monotonic. */
    private final LongSupplier millis;
    private final Runnable recovered;
    private final Log log;
    private final AtomicLong failures = new AtomicLong();
    private long notBefore;
    private boolean isUnavailableLogged;
    private volatile @Nullable Instant lastSuccess;
    private volatile @Nullable Instant unavailableSince;

    /** @param recovered called when the service is available again after more than one failure */
    RetryingClient(ServiceClient client, Timing timing, RandomGenerator random, BatchSpool spool, InstantSource clock,
            LongSupplier millis, Runnable recovered, Log log) {
        this.client = client;
        this.timing = timing;
        this.backoff = new Backoff(timing, random);
        this.random = random;
        this.spool = spool;
        this.clock = clock;
        this.millis = millis;
        this.recovered = recovered;
        this.log = log;
    }

    /** When the next request may be sent, in monotonic milliseconds. */
    long notBefore() {
        return notBefore;
    }

    /** Whether the last request failed. */
    boolean isFailing() {
        return backoff.failures() > 0;
    }

    long failures() {
        return failures.get();
    }

    @Nullable
    Instant lastSuccess() {
        return lastSuccess;
    }

    @Nullable
    Instant unavailableSince() {
        return unavailableSince;
    }

    /** Empty without a response. */
    Optional<ServiceResponse> post(String path, byte[] body, Map<String, String> headers) {
        try {
            ServiceResponse response = client.post(path, body, headers);
            Outcome outcome = response.outcome();
            if (outcome.isFinal()) {
                succeeded();
                if (outcome == Outcome.ACCEPTED) {
                    lastSuccess = clock.instant();
                }
            } else {
                failed(path + " " + response, response.retryAfter());
            }
            return Optional.of(response);
        } catch (IOException e) {
            failed(path + " " + e, Duration.ZERO);
            return Optional.empty();
        }
    }

    /** One failure alone is not logged: a service that restarts is soon available again. */
    void failed(String cause, Duration retryAfter) {
        failures.incrementAndGet();
        if (backoff.failures() == 0) {
            unavailableSince = clock.instant();
        } else if (!isUnavailableLogged) {
            isUnavailableLogged = true;
            log.warn("service_unavailable cause=\"" + cause + "\"; unsent data is kept and retried");
        }
        notBefore = millis.getAsLong() + backoff.afterFailure(retryAfter).toMillis();
        spool.force();
    }

    private void succeeded() {
        Instant since = unavailableSince;
        if (isUnavailableLogged && since != null) {
            log.info("service_recovered away="
                    + Duration.between(since, clock.instant()).truncatedTo(ChronoUnit.SECONDS)
                    + " failures=" + backoff.failures() + " waiting=" + spool.depth().batches());
            recovered.run();
        }
        isUnavailableLogged = false;
        unavailableSince = null;
        backoff.success();
        long interval = timing.requestInterval().toMillis();
        notBefore = millis.getAsLong() + interval / 2 + random.nextLong(interval + 1);
    }

    /** Ends the request that is under way, if there is one. */
    void close() {
        client.abort();
        client.close();
    }
}
