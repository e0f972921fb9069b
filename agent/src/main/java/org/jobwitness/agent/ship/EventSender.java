package org.jobwitness.agent.ship;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jobwitness.agent.log.Log;

/** Sends events of prolog and epilog that their scripts could not send, oldest first. For the sending thread, except the counts. */
final class EventSender {
    /** After so many failures in a row a batch is tried: the service may be available, and fail only on these events. */
    private static final int MAX_FAILURES = 3;

    private final EventsFolder events;
    private final RetryingClient client;
    private final LongSupplier millis;
    private final Log log;
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private int failures;

    EventSender(EventsFolder events, RetryingClient client, LongSupplier millis, Log log) {
        this.events = events;
        this.client = client;
        this.millis = millis;
        this.log = log;
    }

    long sent() {
        return sent.get();
    }

    long refused() {
        return refused.get();
    }

    /**
     * Sends the oldest event that is due.
     *
     * @param mayYield whether a batch may go first after repeated failures
     * @return whether it need not be sent again; empty if none was sent
     */
    Optional<Boolean> sendOldest(boolean mayYield) {
        Optional<EventsFolder.Event> event = mayYield && failures >= MAX_FAILURES
                ? Optional.empty()
                : events.next(millis.getAsLong());
        boolean isFinal = event.isPresent() && send(event.get());
        failures = event.isEmpty() || isFinal ? 0 : failures + 1;
        return event.map(_ -> isFinal);
    }

    private boolean send(EventsFolder.Event event) {
        Map<String, String> headers = new HashMap<>();
        headers.put("X-Source", event.isStart() ? "slurm-prolog" : "slurm-epilog");
        headers.put("X-Changed-By", "slurm");
        if (event.id() != null) {
            headers.put("X-Correlation-Id", event.id());
        }
        Optional<ServiceResponse> response = client.post(
                event.isStart() ? "/v1/events/job-started" : "/v1/events/job-finished", event.body(), headers);
        Outcome outcome = response.map(ServiceResponse::outcome).orElse(Outcome.UNAVAILABLE);
        switch (outcome) {
            case ACCEPTED -> sent.incrementAndGet();
            case REFUSED -> {
                refused.incrementAndGet();
                log.warn("event_refused file=" + event.name() + " " + response.get());
            }
            case FAILED, UNAVAILABLE -> events.failed(event, millis.getAsLong());
        }
        if (outcome.isFinal()) {
            events.done(event);
        }
        return outcome.isFinal();
    }
}
