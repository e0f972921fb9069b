package org.jobwitness.agent.ship;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.agent.spool.Depth;
import org.jobwitness.agent.spool.Item;
import org.jspecify.annotations.Nullable;

/**
 * Sends the batches in the spool, oldest first. Behind a long queue an urgent batch would come late, so it is sent ahead from memory,
 * and again in its order: the service recognizes a batch that it has. For the sending thread, except {@link #add} and the counts.
 */
final class BatchSender {
    private static final int MAX_URGENT = 16;
    /** With no more batches than these in the queue, an urgent one is sent in order. */
    private static final int SHORT_QUEUE = 4;
    /** After so many answers of 500 to a batch, another one is tried, to find out whether this batch is the cause. */
    private static final int MAX_BATCH_FAILURES = 5;
    private static final int MAX_WAITING_SECONDS = 999_999_999;

    private final BatchSpool spool;
    private final EventsFolder events;
    private final RetryingClient client;
    private final InstantSource clock;
    private final Log log;

    // Guarded by this.
    private final Deque<byte[]> urgent = new ArrayDeque<>();
    private byte @Nullable [] newest;

    private int failuresOfOldest;
    private boolean areReadingsRefused;
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong readingsRefused = new AtomicLong();
    private final AtomicLong refusedInARow = new AtomicLong();

    BatchSender(BatchSpool spool, EventsFolder events, RetryingClient client, InstantSource clock, Log log) {
        this.spool = spool;
        this.events = events;
        this.client = client;
        this.clock = clock;
        this.log = log;
    }

    long sent() {
        return sent.get();
    }

    long refused() {
        return refused.get();
    }

    long readingsRefused() {
        return readingsRefused.get();
    }

    /** A batch has been put into the spool. */
    synchronized void add(byte[] body, boolean isUrgent) {
        newest = body;
        if (isUrgent && urgent.size() < MAX_URGENT) {
            urgent.add(body);
        }
    }

    /** Drops a batch that the service would not accept. */
    void drop(String cause) {
        refused.incrementAndGet();
        if (refusedInARow.getAndIncrement() == 0) {
            log.warn("batch_refused " + cause + "; it is dropped, and more are counted until one is accepted");
        }
    }

    /**
     * Sends one batch, the oldest as a rule.
     *
     * @return whether it need not be sent again
     */
    boolean send(Item oldest) {
        byte[] ahead = urgentAhead(oldest);
        if (ahead != null) {
            boolean isFinal = post(ahead).isFinal();
            if (isFinal) {
                removeUrgent();
            }
            return isFinal;
        }
        if (failuresOfOldest >= MAX_BATCH_FAILURES) {
            return sendAfterAnother(oldest);
        }
        return finish(oldest, post(oldest.body()));
    }

    private boolean finish(Item oldest, Outcome outcome) {
        if (outcome.isFinal()) {
            failuresOfOldest = 0;
            spool.remove(oldest);
        } else if (outcome == Outcome.FAILED) {
            failuresOfOldest++;
        }
        return outcome.isFinal();
    }

    /** If the service accepts another batch and then fails on this one again, it always would: this one is dropped. */
    private boolean sendAfterAnother(Item oldest) {
        byte[] other = newest();
        if (other == null || Arrays.equals(other, oldest.body())) {
            return finish(oldest, post(oldest.body()));
        }
        Outcome ofOther = post(other);
        if (ofOther != Outcome.ACCEPTED) {
            return ofOther.isFinal();
        }
        Outcome outcome = post(oldest.body());
        if (outcome == Outcome.FAILED) {
            drop("the service fails on it, and not on others");
            outcome = Outcome.REFUSED;
        }
        return finish(oldest, outcome);
    }

    private synchronized byte @Nullable [] newest() {
        return newest;
    }

    private byte @Nullable [] urgentAhead(Item oldest) {
        synchronized (this) {
            if (!urgent.isEmpty() && Arrays.equals(urgent.getFirst(), oldest.body())) {
                urgent.removeFirst();
            }
            if (urgent.isEmpty()) {
                return null;
            }
        }
        boolean isQueueShort = spool.depth().batches() <= SHORT_QUEUE;
        synchronized (this) {
            return isQueueShort ? null : urgent.peekFirst();
        }
    }

    private synchronized void removeUrgent() {
        urgent.removeFirst();
    }

    private Outcome post(byte[] body) {
        Optional<ServiceResponse> response = client.post("/v1/batches", body,
                Map.of("Content-Encoding", "gzip", "X-Source", "jobwitness-agent", "X-Agent-Waiting", waiting()));
        Outcome outcome = response.map(ServiceResponse::outcome).orElse(Outcome.UNAVAILABLE);
        if (outcome == Outcome.ACCEPTED) {
            long before = refusedInARow.getAndSet(0);
            if (before > 0) {
                log.info("batches_recovered refused=" + before);
            }
            countRefusedReadings(response.get());
            sent.incrementAndGet();
        } else if (outcome == Outcome.REFUSED) {
            drop(response.get().toString());
        }
        return outcome;
    }

    /**
     * The data waiting behind this batch, and how long the oldest of it, or this batch, has waited. Not in the body, which may be days
     * old when it is sent.
     */
    private String waiting() {
        Depth depth = spool.depth();
        Instant now = clock.instant();
        long seconds = Stream.of(Optional.ofNullable(depth.oldest()), Optional.ofNullable(events.oldestWaiting()))
                .flatMap(Optional::stream).mapToLong(oldest -> Duration.between(oldest, now).toSeconds()).max()
                .orElse(0);
        return "batches=" + Math.max(0, depth.batches() - 1) + ", events=" + events.waiting() + ", seconds="
                + Math.clamp(seconds, 0, MAX_WAITING_SECONDS);
    }

    private void countRefusedReadings(ServiceResponse response) {
        int count = response.refusedCount();
        readingsRefused.addAndGet(count);
        if (count > 0 && !areReadingsRefused) {
            log.warn("readings_refused readings=" + count + " " + response + "; more are counted");
        } else if (count == 0 && areReadingsRefused) {
            log.info("readings_recovered refused=" + readingsRefused.get());
        }
        areReadingsRefused = count > 0;
    }
}
