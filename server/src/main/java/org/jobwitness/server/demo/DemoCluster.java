package org.jobwitness.server.demo;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.demo.DemoTable.Away;
import org.jobwitness.server.demo.DemoTable.Told;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Batch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the simulated cluster to the server: first what lies behind, then each thing when it happens. It goes on where
 * the server before it stopped; whatever is told twice does no harm. One virtual thread of its own does all the telling, but
 * for what agents sent in the past: that goes out on another one, while the next is told.
 */
public final class DemoCluster implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DemoCluster.class);
    private static final long SEED = 1;
    /** The past is told in stretches of this length. */
    private static final Duration STRETCH = Duration.ofHours(6);
    /**
     * What was on the show while nobody listened is left out, except for the first and the last of it. Whoever listens never
     * hears of more than this at once.
     */
    private static final Duration SHOWN_AGAIN = Duration.ofMinutes(10);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);
    private static final Duration PATIENCE_AT_CLOSE = Duration.ofSeconds(10);

    private final DemoTable table;
    private final Events events;
    private final JobTable jobs;
    private final SampleStore samples;
    private final Batches batches;
    private final NodeTable nodes;
    private final Clock clock;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread teller = Thread.ofVirtual().name("demo").unstarted(this::keepTelling);
    private volatile @Nullable String trouble = "still telling last week";
    private boolean telling;
    private String lastCause = "";
    private Duration pause = FIRST_PAUSE;

    public DemoCluster(Database database, Events events, JobTable jobs, SampleStore samples, Batches batches,
            NodeTable nodes, Clock clock) {
        this.table = new DemoTable(database);
        this.events = events;
        this.jobs = jobs;
        this.samples = samples;
        this.batches = batches;
        this.nodes = nodes;
        this.clock = clock;
    }

    /** Begins to tell; returns at once. */
    public void start() {
        teller.start();
    }

    /** Why what the server answers is not yet what it should be: the past is not told. Empty when it is. */
    public Optional<String> trouble() {
        return Optional.ofNullable(trouble);
    }

    private void keepTelling() {
        while (!isClosing()) {
            try {
                follow(open());
            } catch (DatabaseUnavailable e) {
                failed(String.valueOf(e.getMessage()), null);
            } catch (RuntimeException e) {
                failed(String.valueOf(e.getMessage()), e);
            }
            closedWithin(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
        }
    }

    /** That the database is not ready when the server starts is no news. */
    private void failed(String cause, @Nullable RuntimeException unexpected) {
        if (unexpected != null && (telling || !cause.equals(lastCause))) {
            log.error("demo_failed cause=\"{}\"", cause, unexpected);
        } else if (telling) {
            log.info("demo_paused cause=\"{}\"", cause);
        }
        telling = false;
        lastCause = cause;
    }

    private void succeeded(Instant to) {
        pause = FIRST_PAUSE;
        if (!telling) {
            telling = true;
            log.info("demo_telling told_to={}", to);
        }
    }

    private Told open() {
        Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
        Instant begin = Timeline.of(SEED, now).begin().minusSeconds(1);
        return table.open(new Told(SEED, now, begin, new Away(begin, now)));
    }

    /**
     * Tells the past from where it was left, then the present until something stands against it. What was told and not noted
     * as told is told again, and is the same then: what is left out depends on nothing but what was noted before.
     */
    private void follow(Told told) {
        Timeline timeline = told.timeline();
        Instant began = clock.instant();
        Away away = told.away();
        Instant from = told.to();
        Instant nodesAt = Instant.MIN;
        try (ExecutorService sender = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> sending = CompletableFuture.completedFuture(null);
            while (!isClosing()) {
                Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
                boolean wasAway = !from.isBefore(away.to())
                        && Duration.between(from, now).compareTo(SHOWN_AGAIN) > 0;
                if (wasAway) {
                    // What is on its way was chosen by the absence before, so that has to be over.
                    if (!isSent(sending)) {
                        return;
                    }
                    away = new Away(from, now);
                    table.away(away);
                }
                Instant after = from;
                Instant end = after.isBefore(away.to()) ? away.to() : now;
                Instant to = Duration.between(after, end).compareTo(STRETCH) > 0 ? after.plus(STRETCH) : end;
                List<Booking> runs = runs(timeline, away, after.minus(Ticks.APART), to);
                tell(Timeline.happenings(runs, after, to));
                if (!isSent(sending)) {
                    return;
                }
                from = to;
                if (to.isBefore(now)) {
                    // It waits for the database, and so do the next events: neither for the other.
                    sending = sender.submit(() -> send(Timeline.batches(runs, after, to), to));
                    continue;
                }
                Instant tick = Ticks.last(to);
                List<Batch> fresh = new ArrayList<>();
                if (tick.isAfter(nodesAt)) {
                    fresh.addAll(Timeline.batches(runs, after, tick.minus(Ticks.APART)));
                    fresh.addAll(timeline.batchesOfAll(
                            runs(timeline, away, tick.minus(Ticks.APART), tick), tick));
                    nodes.store(timeline.states(tick));
                    nodesAt = tick;
                }
                send(fresh, to);
                caughtUp(told, began);
                closedWithin(Duration.between(clock.instant(), timeline.nextAfter(to)));
            }
        }
    }

    /** Waits until a stretch's batches are taken; false if the end of the server has broken that off. */
    private boolean isSent(Future<?> sending) {
        try {
            sending.get();
            return !isClosing();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case DatabaseUnavailable unavailable ->
                    throw new DatabaseUnavailable(String.valueOf(unavailable.getMessage()), unavailable);
                case null, default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    /**
     * Who has something to tell. The show of a time when nobody listened is left out, but for the first and the last of it. The
     * first, because it may have been told and not noted when the server stopped: it told as much at once, at most.
     */
    private static List<Booking> runs(Timeline timeline, Away away, Instant from, Instant to) {
        Stream<Booking> shown = timeline.live(from, to).stream()
                .filter(run -> !run.submit().isAfter(away.from().plus(SHOWN_AGAIN))
                        || Telling.lastWord(run).isAfter(away.to().minus(SHOWN_AGAIN)));
        return Stream.concat(timeline.background(from, to).stream(), shown).toList();
    }

    private void caughtUp(Told told, Instant began) {
        if (trouble != null) {
            trouble = null;
            log.info("demo_caught_up epoch={} from={} ms={}", told.epoch(), told.to(),
                    Duration.between(began, clock.instant()).toMillis());
        }
    }

    private void tell(List<Happening> happenings) {
        for (Happening happening : happenings) {
            if (isClosing()) {
                return;
            }
            Caller caller = new Caller("demo", null, "demo", "demo-" + happening.run().id(), new Scope.Everything());
            switch (happening) {
                case Happening.Prolog prolog -> events.take(caller, prolog.event());
                case Happening.Epilog epilog -> events.take(caller, epilog.event());
                case Happening.SchedulerSays says -> jobs.apply(caller, says.word());
            }
        }
    }

    /** Sends batches, then notes that everything up to a moment has been told. */
    private void send(List<Batch> all, Instant to) {
        // In the order of time: what is too old to be kept comes first.
        List<Batch> kept = all.stream().dropWhile(batch -> samples.problem(batch.timestamp()).isPresent()).toList();
        if (isClosing()) {
            return;
        }
        try {
            batches.takeAll(new Caller("demo", null, "demo", "demo", new Scope.Everything()), kept);
        } catch (GroupCommit.TooMuch e) {
            throw new DatabaseUnavailable(String.valueOf(e.getMessage()), e);
        }
        table.toldTo(to);
        succeeded(to);
    }

    private boolean isClosing() {
        return closing.getCount() == 0;
    }

    private boolean closedWithin(Duration pause) {
        try {
            return closing.await(pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /** Lets the telling come to a stop; the next start goes on from there. */
    @Override
    public void close() {
        closing.countDown();
        try {
            if (teller.isAlive() && !teller.join(PATIENCE_AT_CLOSE)) {
                log.warn("demo_slow_to_stop");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
