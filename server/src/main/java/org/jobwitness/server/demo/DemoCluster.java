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
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.demo.DemoTable.Downtime;
import org.jobwitness.server.demo.DemoTable.Progress;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Batch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Delivers the simulated cluster to the server: first its history, then each event when it happens. It continues where the
 * server before it stopped; a second delivery does no harm. One virtual thread delivers events, and another one the batches
 * of the history meanwhile.
 */
public final class DemoCluster implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DemoCluster.class);
    private static final long SEED = 1;
    private static final int DAYS_OF_HISTORY = 7;
    /** The past is delivered in steps of this length. */
    private static final Duration STEP = Duration.ofHours(6);
    /**
     * Live jobs of a longer downtime are left out, except in its first and last minutes: the first may have been delivered
     * and not noted when the server stopped, since no step with live jobs is longer.
     */
    private static final Duration LIVE_MARGIN = Duration.ofMinutes(10);
    private static final Duration MIN_RETRY_DELAY = Duration.ofMillis(50);
    private static final Duration MAX_RETRY_DELAY = Duration.ofSeconds(10);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final DemoTable table;
    private final Events events;
    private final JobTable jobs;
    private final SampleStore samples;
    private final Batches batches;
    private final NodeTable nodes;
    private final Clock clock;
    private final int days;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread = Thread.ofVirtual().name("demo").unstarted(this::run);
    private volatile @Nullable String problem = "the history is not complete yet";
    private boolean running;
    private String lastCause = "";
    private Duration retryDelay = MIN_RETRY_DELAY;

    public DemoCluster(Database database, Events events, JobTable jobs, SampleStore samples, Batches batches,
            NodeTable nodes, Clock clock) {
        this(database, events, jobs, samples, batches, nodes, clock, DAYS_OF_HISTORY);
    }

    public DemoCluster(Database database, Events events, JobTable jobs, SampleStore samples, Batches batches,
            NodeTable nodes, Clock clock, int daysOfHistory) {
        this.table = new DemoTable(database);
        this.events = events;
        this.jobs = jobs;
        this.samples = samples;
        this.batches = batches;
        this.nodes = nodes;
        this.clock = clock;
        this.days = daysOfHistory;
    }

    /** Returns at once. */
    public void start() {
        thread.start();
    }

    /** Why the server does not show what it should yet; empty once the history is complete. */
    public Optional<String> problem() {
        return Optional.ofNullable(problem);
    }

    private void run() {
        while (!isClosing()) {
            try {
                new Delivery(open()).run();
            } catch (DatabaseUnavailable e) {
                failed(String.valueOf(e.getMessage()), null);
            } catch (RuntimeException e) {
                failed(String.valueOf(e.getMessage()), e);
            }
            awaitClosing(retryDelay);
            Duration doubled = retryDelay.multipliedBy(2);
            retryDelay = doubled.compareTo(MAX_RETRY_DELAY) < 0 ? doubled : MAX_RETRY_DELAY;
        }
    }

    /** A database that is not ready when the server starts is not logged. */
    private void failed(String cause, @Nullable RuntimeException unexpected) {
        if (unexpected != null && (running || !cause.equals(lastCause))) {
            log.error("demo_failed cause=\"{}\"", cause, unexpected);
        } else if (running) {
            log.info("demo_paused cause=\"{}\"", cause);
        }
        running = false;
        lastCause = cause;
    }

    private void succeeded(Instant to) {
        retryDelay = MIN_RETRY_DELAY;
        if (!running) {
            running = true;
            log.info("demo_running delivered_to={}", to);
        }
    }

    private Progress open() {
        Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
        Instant begin = new Timeline(SEED, now, days).begin().minusSeconds(1);
        return table.open(new Progress(SEED, now, begin, new Downtime(begin, now)));
    }

    /**
     * Delivers the past from where it stopped, then the present, until something fails. What was delivered and not noted is
     * delivered again and is the same then: what is left out depends on stored progress alone.
     */
    private final class Delivery {
        private final Progress progress;
        private final Timeline timeline;
        private final Instant began = clock.instant();
        private Downtime downtime;
        private Instant from;
        private Instant lastTick = Instant.MIN;
        private Future<?> sending = CompletableFuture.completedFuture(null);

        Delivery(Progress progress) {
            this.progress = progress;
            this.timeline = new Timeline(progress.seed(), progress.epoch(), days);
            this.downtime = progress.downtime();
            this.from = progress.deliveredTo();
        }

        void run() {
            try (ExecutorService sender = Executors.newVirtualThreadPerTaskExecutor()) {
                while (!isClosing()) {
                    Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
                    // What is being sent depends on the downtime before.
                    if (wasDown(now) && awaitSent()) {
                        downtime = new Downtime(from, now);
                        table.storeDowntime(downtime);
                    }
                    Instant after = from;
                    Instant to = endOfStep(now);
                    List<SimRun> runs = runs(after.minus(Ticks.INTERVAL), to);
                    deliver(Timeline.events(runs, after, to));
                    if (!awaitSent()) {
                        return;
                    }
                    from = to;
                    if (to.isBefore(now)) {
                        // Batches wait for the database, and so do the events of the next step: neither for the other.
                        sending = sender.submit(() -> send(Timeline.batches(runs, after, to), to));
                    } else {
                        sendPresent(runs, after, to);
                        awaitClosing(Duration.between(clock.instant(), timeline.nextAfter(to)));
                    }
                }
            }
        }

        private boolean wasDown(Instant now) {
            return !from.isBefore(downtime.to()) && Duration.between(from, now).compareTo(LIVE_MARGIN) > 0;
        }

        private Instant endOfStep(Instant now) {
            Instant end = from.isBefore(downtime.to()) ? downtime.to() : now;
            return from.plus(STEP).isBefore(end) ? from.plus(STEP) : end;
        }

        /** The runs that report something; of the live ones, not those in the middle of the downtime. */
        private List<SimRun> runs(Instant from, Instant to) {
            Stream<SimRun> live = timeline.live(from, to).stream()
                    .filter(run -> !run.submit().isAfter(downtime.from().plus(LIVE_MARGIN))
                            || run.lastReport().isAfter(downtime.to().minus(LIVE_MARGIN)));
            return Stream.concat(timeline.background(from, to).stream(), live).toList();
        }

        /** False if the server stops. */
        private boolean awaitSent() {
            try {
                sending.get();
                return !isClosing();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            } catch (ExecutionException e) {
                throw e.getCause() instanceof DatabaseUnavailable cause
                        ? new DatabaseUnavailable(String.valueOf(cause.getMessage()), cause)
                        : new IllegalStateException(e.getCause());
            }
        }

        /** Sends what has been read since the last step, and at a tick the batches and states of all nodes. */
        private void sendPresent(List<SimRun> runs, Instant after, Instant to) {
            Instant tick = Ticks.last(to);
            List<Batch> fresh = new ArrayList<>();
            if (tick.isAfter(lastTick)) {
                fresh.addAll(Timeline.batches(runs, after, tick.minus(Ticks.INTERVAL)));
                fresh.addAll(timeline.batchesOfAll(runs(tick.minus(Ticks.INTERVAL), tick), tick));
                nodes.store(timeline.states(tick));
                lastTick = tick;
            }
            send(fresh, to);
            if (problem != null) {
                problem = null;
                log.info("demo_caught_up epoch={} from={} ms={}", progress.epoch(), progress.deliveredTo(),
                        Duration.between(began, clock.instant()).toMillis());
            }
        }
    }

    private static Caller caller(String correlationId) {
        return Caller.program("demo", "demo", correlationId);
    }

    private void deliver(List<SimEvent> happened) {
        for (SimEvent next : happened) {
            if (isClosing()) {
                return;
            }
            Caller caller = caller("demo-" + next.run().id());
            switch (next) {
                case SimEvent.Prolog prolog -> events.apply(caller, prolog.event());
                case SimEvent.Epilog epilog -> events.apply(caller, epilog.event());
                case SimEvent.SchedulerReport report -> jobs.apply(caller, report.evidence());
            }
        }
    }

    /** Sends batches, then notes that everything up to a moment is delivered. */
    private void send(List<Batch> all, Instant to) {
        // They are in the order of time: those too old to be kept come first.
        List<Batch> kept = all.stream().dropWhile(batch -> samples.problem(batch.timestamp()).isPresent()).toList();
        if (isClosing()) {
            return;
        }
        try {
            batches.takeAll(caller("demo"), kept);
        } catch (GroupCommit.QueueFull e) {
            throw new DatabaseUnavailable(String.valueOf(e.getMessage()), e);
        }
        table.storeDeliveredTo(to);
        succeeded(to);
    }

    private boolean isClosing() {
        return closing.getCount() == 0;
    }

    private void awaitClosing(Duration timeout) {
        try {
            closing.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The next start continues from there. */
    @Override
    public void close() {
        closing.countDown();
        try {
            if (thread.isAlive() && !thread.join(STOP_TIMEOUT)) {
                log.warn("demo_stop_timeout");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
