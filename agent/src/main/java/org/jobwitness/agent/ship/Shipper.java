package org.jobwitness.agent.ship;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.agent.spool.Item;
import org.jobwitness.wire.Batch;

/**
 * Sends readings and the scripts' events. {@link #add} is for the sampler's thread, which waits for a write to disk at most;
 * {@link #eventsChanged} and {@link #counts} are for any thread; everything else is one thread of its own.
 *
 * <p>Events go first, then the batches in the spool. Data that the service refuses for good is dropped; all other data stays and is
 * retried.
 */
public final class Shipper implements AutoCloseable {
    private static final int MAX_BODY_BYTES = 1 << 20;
    private static final long MIN_LISTING_INTERVAL_MS = 100;
    /** Listing a folder takes at most one part in so many of the time. */
    private static final int LISTING_SHARE = 20;

    private final Gzip gzip = new Gzip();
    private final BatchSpool spool;
    private final EventsFolder events;
    private final RetryingClient client;
    private final EventSender eventSender;
    private final BatchSender batchSender;
    private final Timing timing;
    private final long jitterMs;
    /** Monotonic milliseconds since this was made. */
    private final LongSupplier millis;
    private final Log log;
    private final Thread thread;

    // Guarded by this.
    private long batchesDueAt;
    private boolean areEventsChanged = true;
    private boolean isAnythingUnforced;
    private boolean isWoken;
    private long closeAt = Long.MAX_VALUE;

    // The sending thread's.
    private long listAt;
    private long listNotBefore;
    private boolean isDraining;

    /**
     * @param eventsFolder {@code events} in the scripts' spool; it need not exist
     * @param jitter batches wait for a part of this, always the same one, so that agents which read at the same time do not send at the
     *     same time
     */
    public Shipper(Destination destination, Path eventsFolder, Duration jitter, BatchSpool spool, NodeClock clock,
            Log log) {
        this(destination, eventsFolder, jitter, spool, clock, log, Timing.STANDARD, new Random());
    }

    Shipper(Destination destination, Path eventsFolder, Duration jitter, BatchSpool spool, NodeClock clock, Log log,
            Timing timing, RandomGenerator random) {
        long origin = clock.nanoTime();
        this.millis = () -> (clock.nanoTime() - origin) / 1_000_000;
        this.spool = spool;
        this.timing = timing;
        this.log = log;
        this.events = new EventsFolder(eventsFolder, timing, log);
        this.client = new RetryingClient(new ServiceClient(destination, timing, clock, log), timing, random, spool,
                clock, millis, () -> events.retryFailed(millis.getAsLong()), log);
        this.eventSender = new EventSender(events, client, millis, log);
        this.batchSender = new BatchSender(spool, events, client, clock, log);
        this.jitterMs = random.nextLong(Math.max(1, jitter.toMillis()));
        this.batchesDueAt = jitterMs;
        this.thread = Thread.ofPlatform().name("ship").daemon(true).unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /**
     * Puts a batch into the spool.
     *
     * @param atOnce without the jitter, and ahead of the queue
     */
    public void add(Batch batch, boolean atOnce) {
        byte[] body = gzip.pack(BatchJson.of(batch).getBytes(StandardCharsets.UTF_8));
        if (body.length > MAX_BODY_BYTES) {
            batchSender.drop("larger than " + MAX_BODY_BYTES + " bytes, the maximum of the service");
            return;
        }
        spool.put(body);
        batchSender.add(body, atOnce);
        synchronized (this) {
            isAnythingUnforced = true;
            batchesDueAt = Math.min(batchesDueAt, now() + (atOnce ? 0 : jitterMs));
            wake();
        }
    }

    /** Something has appeared in the scripts' folder. */
    public synchronized void eventsChanged() {
        areEventsChanged = true;
        wake();
    }

    private synchronized void wake() {
        isWoken = true;
        notifyAll();
    }

    public ShipperCounts counts() {
        return new ShipperCounts(batchSender.sent(), batchSender.refused(), batchSender.readingsRefused(),
                eventSender.sent(), eventSender.refused(), events.untrusted(), client.failures(), client.lastSuccess(),
                client.unavailableSince());
    }

    /** Sends what it can for 2 seconds, but stops at the first failure. */
    @Override
    public void close() {
        synchronized (this) {
            closeAt = Math.min(closeAt, now() + timing.closeTimeout().toMillis());
            wake();
        }
        try {
            thread.join(timing.closeTimeout());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        client.close();
    }

    private long now() {
        return millis.getAsLong();
    }

    private void run() {
        while (!isClosing()) {
            long until;
            try {
                until = step();
            } catch (RuntimeException e) {
                client.failed(e.toString(), Duration.ZERO);
                until = client.notBefore();
            }
            waitUntil(until);
        }
        isDraining = true;
        while (now() < closingAt() && trySending()) {
            // until the queue is empty, or the service is unavailable
        }
    }

    private synchronized boolean isClosing() {
        return closeAt < Long.MAX_VALUE;
    }

    private synchronized long closingAt() {
        return closeAt;
    }

    private synchronized void waitUntil(long until) {
        try {
            for (long left = until - now(); left > 0 && !isWoken && !isClosing(); left = until - now()) {
                wait(left);
            }
        } catch (InterruptedException e) {
            log.warn("unexpected_interrupt");
        }
        isWoken = false;
    }

    /** Does one thing that is due, and returns until when nothing else is. */
    private long step() {
        long now = now();
        if (client.isFailing() && takeUnforced()) {
            spool.force();
        }
        if (now >= nextListing()) {
            list(now);
        }
        if (now < client.notBefore()) {
            return Math.min(client.notBefore(), nextListing());
        }
        isDraining |= takeBatchesDue(now);
        if (trySending()) {
            return client.notBefore();
        }
        if (now() < client.notBefore()) {
            return Math.min(client.notBefore(), nextListing());
        }
        return Math.min(Math.min(events.nextDue(), nextListing()), nextBatches());
    }

    private synchronized boolean takeUnforced() {
        boolean before = isAnythingUnforced;
        isAnythingUnforced = false;
        return before;
    }

    private synchronized long nextListing() {
        return areEventsChanged ? listNotBefore : Math.max(listAt, listNotBefore);
    }

    private void list(long now) {
        synchronized (this) {
            areEventsChanged = false;
        }
        events.list(now);
        long after = now();
        listNotBefore = after + Math.max(MIN_LISTING_INTERVAL_MS, LISTING_SHARE * (after - now));
        boolean isNothingPending = events.nextDue() == Long.MAX_VALUE;
        listAt = after + (isNothingPending ? timing.listingInterval() : timing.pendingListingInterval()).toMillis();
    }

    private synchronized boolean takeBatchesDue(long now) {
        if (batchesDueAt > now) {
            return false;
        }
        batchesDueAt = Long.MAX_VALUE;
        return true;
    }

    private synchronized long nextBatches() {
        return batchesDueAt;
    }

    /** Sends what is first. Returns whether it need not be sent again, so that more may be sent. */
    private boolean trySending() {
        Optional<Boolean> event = eventSender.sendOldest(isDraining);
        if (event.isPresent()) {
            return event.get();
        }
        if (!isDraining) {
            return false;
        }
        Optional<Item> oldest = spool.oldest();
        isDraining = oldest.isPresent();
        return isDraining && batchSender.send(oldest.get());
    }
}
