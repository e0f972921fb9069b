package org.jobwitness.agent.ship;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.agent.spool.Depth;
import org.jobwitness.agent.spool.Item;
import org.jobwitness.wire.Batch;
import org.jspecify.annotations.Nullable;

/**
 * Sends what the sampler has read and what the scripts have left. {@link #add} is the sampler's thread, which waits for a
 * write to the disk at most; {@link #eventsChanged} and {@link #counts} are anybody's; all else is one thread of its own.
 *
 * <p>First go the scripts' events, oldest first, then the spool's batches, oldest first. Behind a queue an urgent batch
 * would come late, so it is sent ahead from memory, and once more when its turn comes: the service knows a batch that it
 * has seen. What the service would never take is dropped; all else stays and is tried again, with one wait for everything,
 * because it is the service that is away.
 */
public final class Shipper implements AutoCloseable {
    private static final int LARGEST_BODY = 1 << 20;
    private static final int MOST_URGENT = 16;
    /** With no more than these before it, an urgent batch is as soon sent in order. */
    private static final int FEW = 4;
    /** So often a batch is answered with 500 until it is asked whether the batch is the cause. */
    private static final int PATIENCE = 5;
    /** After so many in a row a batch is tried: perhaps the service is there, and fails on these events alone. */
    private static final int MOST_EVENT_FAILURES = 3;
    private static final String REFUSED_READING = "\"cause\":";
    private static final int MOST_SHOWN = 400;
    private static final int LONGEST_TOLD_SECONDS = 999_999_999;
    private static final long LEAST_BETWEEN_LISTINGS_MS = 100;
    /** Listing a folder takes one part in so many of the time at most. */
    private static final int LISTING_SHARE = 20;

    private enum Outcome {
        TAKEN,
        REFUSED,
        /** The service failed on this, and perhaps because of it. */
        FAILED,
        /** Not now. */
        LATER
    }

    private final Gzip gzip = new Gzip();
    private final BatchSpool spool;
    private final EventsFolder events;
    private final ServiceClient service;
    private final Timing pace;
    private final Backoff backoff;
    private final RandomGenerator random;
    private final long jitterMs;
    private final InstantSource clock;
    private final Log log;
    private final long origin = System.nanoTime();
    private final Thread thread;

    // Guarded by this.
    private final Deque<byte[]> urgent = new ArrayDeque<>();
    private byte @Nullable [] newest;
    private long batchesDueAt;
    private boolean areEventsChanged = true;
    private boolean isSomethingUnforced;
    private boolean isWoken;
    private long closeAt = Long.MAX_VALUE;

    // The sending thread's.
    private long notBefore;
    private long listAt;
    private long listNotBefore;
    private boolean isDraining;
    private boolean isAwaySaid;
    private int headFailures;
    private int eventFailures;
    private boolean areReadingsRefused;

    private final AtomicLong batchesSent = new AtomicLong();
    private final AtomicLong batchesRefused = new AtomicLong();
    private final AtomicLong readingsRefused = new AtomicLong();
    private final AtomicLong eventsSent = new AtomicLong();
    private final AtomicLong eventsRefused = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong refusedInARow = new AtomicLong();
    private volatile @Nullable Instant lastSuccess;
    private volatile @Nullable Instant awaySince;

    /**
     * @param eventsFolder {@code events} in the scripts' spool; it need not be there
     * @param jitter batches wait for a part of this, the same each time, so that agents which read at the same moment do not
     *     send at the same moment
     */
    public Shipper(Destination destination, Path eventsFolder, Duration jitter, BatchSpool spool, InstantSource clock,
            Log log) {
        this(destination, eventsFolder, jitter, spool, clock, log, Timing.STANDARD, new Random());
    }

    Shipper(Destination destination, Path eventsFolder, Duration jitter, BatchSpool spool, InstantSource clock, Log log,
            Timing pace, RandomGenerator random) {
        this.spool = spool;
        this.events = new EventsFolder(eventsFolder, pace, log);
        this.service = new ServiceClient(destination, pace, clock, log);
        this.pace = pace;
        this.backoff = new Backoff(pace, random);
        this.random = random;
        this.jitterMs = random.nextLong(Math.max(1, jitter.toMillis()));
        this.clock = clock;
        this.log = log;
        this.batchesDueAt = jitterMs;
        this.thread = Thread.ofPlatform().name("ship").daemon(true).unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /**
     * Takes what was read into the queue.
     *
     * @param atOnce without the jitter, and ahead of what waits
     */
    public void add(Batch batch, boolean atOnce) {
        byte[] body = gzip.pack(BatchJson.of(batch).getBytes(StandardCharsets.UTF_8));
        if (body.length > LARGEST_BODY) {
            refused("larger than " + LARGEST_BODY + " bytes, the most that the service takes");
            return;
        }
        spool.put(body);
        synchronized (this) {
            newest = body;
            isSomethingUnforced = true;
            batchesDueAt = Math.min(batchesDueAt, now() + (atOnce ? 0 : jitterMs));
            if (atOnce && urgent.size() < MOST_URGENT) {
                urgent.add(body);
            }
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
        return new ShipperCounts(batchesSent.get(), batchesRefused.get(), readingsRefused.get(), eventsSent.get(),
                eventsRefused.get(), failures.get(), lastSuccess, awaySince);
    }

    /** Sends what it can for 2 seconds, but stops at the first failure. */
    @Override
    public void close() {
        synchronized (this) {
            closeAt = Math.min(closeAt, now() + pace.lastTry().toMillis());
            wake();
        }
        try {
            thread.join(pace.lastTry());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        service.abort();
        service.close();
    }

    /** Milliseconds since this was made: does not jump when the node's clock is set. */
    private long now() {
        return (System.nanoTime() - origin) / 1_000_000;
    }

    private void run() {
        while (!isClosing()) {
            long until;
            try {
                until = step();
            } catch (RuntimeException e) {
                failed(e.toString(), Duration.ZERO);
                until = notBefore;
            }
            sleepUntil(until);
        }
        isDraining = true;
        while (now() < closingAt() && trySending(now())) {
            // until there is no more, or the service is away
        }
    }

    private synchronized boolean isClosing() {
        return closeAt < Long.MAX_VALUE;
    }

    private synchronized long closingAt() {
        return closeAt;
    }

    private synchronized void sleepUntil(long until) {
        try {
            for (long left = until - now(); left > 0 && !isWoken && !isClosing(); left = until - now()) {
                wait(left);
            }
        } catch (InterruptedException e) {
            log.warn("interrupted; nobody should");
        }
        isWoken = false;
    }

    /** Does one thing that is due, and says until when nothing else is. */
    private long step() {
        long now = now();
        if (backoff.failures() > 0 && takeUnforced()) {
            spool.force();
        }
        if (isListingDue(now)) {
            list(now);
        }
        if (now < notBefore) {
            return Math.min(notBefore, nextListing());
        }
        isDraining |= takeBatchesDue(now);
        if (trySending(now)) {
            return notBefore;
        }
        if (now() < notBefore) {
            return Math.min(notBefore, nextListing());
        }
        return Math.min(Math.min(events.nextDue(), nextListing()), nextBatches());
    }

    private synchronized boolean takeUnforced() {
        boolean before = isSomethingUnforced;
        isSomethingUnforced = false;
        return before;
    }

    private synchronized boolean isListingDue(long now) {
        return now >= nextListing();
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
        listNotBefore = after + Math.max(LEAST_BETWEEN_LISTINGS_MS, LISTING_SHARE * (after - now));
        listAt = after + (events.nextDue() == Long.MAX_VALUE ? pace.listing() : pace.listingPending()).toMillis();
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

    /** Sends what is first, and says whether the service made up its mind about it, so that more may be sent. */
    private boolean trySending(long now) {
        if (!isDraining || eventFailures < MOST_EVENT_FAILURES) {
            Optional<EventsFolder.Event> event = events.next(now);
            if (event.isPresent()) {
                boolean isSettled = send(event.get());
                eventFailures = isSettled ? 0 : eventFailures + 1;
                return isSettled;
            }
        }
        eventFailures = 0;
        if (!isDraining) {
            return false;
        }
        Optional<Item> oldest = spool.oldest();
        isDraining = oldest.isPresent();
        return isDraining && sendFirst(oldest.get());
    }

    private boolean send(EventsFolder.Event event) {
        Map<String, String> headers = new HashMap<>();
        headers.put("X-Source", event.isStart() ? "slurm-prolog" : "slurm-epilog");
        headers.put("X-Changed-By", "slurm");
        if (event.id() != null) {
            headers.put("X-Correlation-Id", event.id());
        }
        ServiceClient.@Nullable Answer answer = post(event.isStart() ? "/v1/events/job-started" : "/v1/events/job-finished",
                event.body(), headers);
        switch (outcome(answer)) {
            case TAKEN -> {
                eventsSent.incrementAndGet();
                events.settled(event);
            }
            case REFUSED -> {
                eventsRefused.incrementAndGet();
                events.settled(event);
                log.warn("event_refused file=" + event.name() + " " + shown(answer));
            }
            case FAILED, LATER -> {
                events.failed(event, now());
                return false;
            }
        }
        return true;
    }

    private boolean sendFirst(Item oldest) {
        byte[] ahead = urgentAhead(oldest);
        if (ahead != null) {
            boolean isSettled = isSettled(sendBatch(ahead));
            if (isSettled) {
                urgentSettled();
            }
            return isSettled;
        }
        if (headFailures >= PATIENCE) {
            return isBatchTheCause(oldest);
        }
        return settle(oldest, sendBatch(oldest.body()));
    }

    private boolean settle(Item oldest, Outcome outcome) {
        if (isSettled(outcome)) {
            headFailures = 0;
            spool.remove(oldest);
        } else if (outcome == Outcome.FAILED) {
            headFailures++;
        }
        return isSettled(outcome);
    }

    private static boolean isSettled(Outcome outcome) {
        return outcome == Outcome.TAKEN || outcome == Outcome.REFUSED;
    }

    /** A service that takes another batch, but fails on this one once more, would do so for ever. */
    private boolean isBatchTheCause(Item oldest) {
        byte[] other = newest();
        if (other == null || Arrays.equals(other, oldest.body())) {
            return settle(oldest, sendBatch(oldest.body()));
        }
        Outcome ofTheOther = sendBatch(other);
        if (ofTheOther != Outcome.TAKEN) {
            return isSettled(ofTheOther);
        }
        Outcome outcome = sendBatch(oldest.body());
        if (outcome == Outcome.FAILED) {
            refused("the service fails on it, and not on others");
            outcome = Outcome.REFUSED;
        }
        return settle(oldest, outcome);
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
        boolean isSoonEnough = spool.depth().batches() <= FEW;
        synchronized (this) {
            return isSoonEnough ? null : urgent.peekFirst();
        }
    }

    private synchronized void urgentSettled() {
        urgent.removeFirst();
    }

    private Outcome sendBatch(byte[] body) {
        ServiceClient.@Nullable Answer answer = post("/v1/batches", body,
                Map.of("Content-Encoding", "gzip", "X-Source", "jobwitness-agent", "X-Agent-Waiting", waiting()));
        Outcome outcome = outcome(answer);
        if (answer != null && outcome == Outcome.TAKEN) {
            long refused = refusedInARow.getAndSet(0);
            if (refused > 0) {
                log.info("batches_taken_again refused=" + refused);
            }
            noteRefusedReadings(answer);
            batchesSent.incrementAndGet();
        } else if (outcome == Outcome.REFUSED) {
            refused(shown(answer));
        }
        return outcome;
    }

    /**
     * What is still to be sent behind this batch, and for how long the oldest of it or this batch has waited. Not in the body,
     * which may be days old when it is sent.
     */
    private String waiting() {
        Depth depth = spool.depth();
        Instant now = clock.instant();
        long seconds = Stream.of(Optional.ofNullable(depth.oldest()), Optional.ofNullable(events.oldestWaiting()))
                .flatMap(Optional::stream).mapToLong(oldest -> Duration.between(oldest, now).toSeconds()).max()
                .orElse(0);
        return "batches=" + Math.max(0, depth.batches() - 1) + ", events=" + events.waiting() + ", seconds="
                + Math.clamp(seconds, 0, LONGEST_TOLD_SECONDS);
    }

    private void noteRefusedReadings(ServiceClient.Answer answer) {
        int refused = answer.text().split(REFUSED_READING, -1).length - 1;
        readingsRefused.addAndGet(refused);
        if (refused > 0 && !areReadingsRefused) {
            log.warn("readings_refused readings=" + refused + " " + shown(answer) + "; more are counted");
        } else if (refused == 0 && areReadingsRefused) {
            log.info("readings_taken_again refused=" + readingsRefused.get());
        }
        areReadingsRefused = refused > 0;
    }

    private void refused(String cause) {
        batchesRefused.incrementAndGet();
        if (refusedInARow.getAndIncrement() == 0) {
            log.warn("batch_refused " + cause + "; it is dropped, and more are counted, until one is taken");
        }
    }

    private static String shown(ServiceClient.@Nullable Answer answer) {
        if (answer == null) {
            return "no answer";
        }
        String text = answer.text();
        return "status=" + answer.status() + " answer="
                + (text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "..." : text);
    }

    /** Null without an answer. What that, or the answer, means for all that is to be sent is done here. */
    private ServiceClient.@Nullable Answer post(String path, byte[] body, Map<String, String> headers) {
        try {
            ServiceClient.Answer answer = service.post(path, body, headers);
            if (answer.isTaken() || answer.isRefused()) {
                answered();
                if (answer.isTaken()) {
                    lastSuccess = clock.instant();
                }
            } else {
                failed(path + " " + shown(answer), answer.retryAfter());
            }
            return answer;
        } catch (IOException e) {
            failed(path + " " + e, Duration.ZERO);
            return null;
        }
    }

    private static Outcome outcome(ServiceClient.@Nullable Answer answer) {
        if (answer == null) {
            return Outcome.LATER;
        }
        if (answer.isTaken()) {
            return Outcome.TAKEN;
        }
        if (answer.isRefused()) {
            return Outcome.REFUSED;
        }
        return answer.status() == 500 ? Outcome.FAILED : Outcome.LATER;
    }

    /** One failure is nothing to say: a service that starts anew is back before anybody has read it. */
    private void failed(String cause, Duration retryAfter) {
        failures.incrementAndGet();
        if (backoff.failures() == 0) {
            awaySince = clock.instant();
        } else if (!isAwaySaid) {
            isAwaySaid = true;
            log.warn("service_away cause=\"" + cause + "\"; what is to be sent is kept, and tried again");
        }
        notBefore = now() + backoff.afterFailure(retryAfter).toMillis();
        spool.force();
    }

    private void answered() {
        Instant since = awaySince;
        if (isAwaySaid && since != null) {
            log.info("service_back away=" + Duration.between(since, clock.instant()).truncatedTo(ChronoUnit.SECONDS)
                    + " failures=" + backoff.failures() + " waiting=" + spool.depth().batches());
            events.serviceIsBack(now());
        }
        isAwaySaid = false;
        awaySince = null;
        backoff.success();
        long between = pace.between().toMillis();
        notBefore = now() + between / 2 + random.nextLong(between + 1);
    }
}
