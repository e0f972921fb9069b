package org.jobwitness.server.demo;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseUnavailable;
import org.jobwitness.server.db.GroupCommit;
import org.jobwitness.server.demo.DemoTable.RunName;
import org.jobwitness.server.demo.DemoTable.Told;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.http.Caller;
import org.jobwitness.server.http.Scope;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.wire.Batch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the simulated cluster to the server: first what lies behind, then each thing when it happens. It goes on where
 * the server before it stopped; whatever is told twice does no harm. One virtual thread of its own does all the telling.
 */
public final class DemoCluster implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DemoCluster.class);
    private static final long SEED = 1;
    /** The past is told in stretches of this length. */
    private static final Duration STRETCH = Duration.ofHours(6);
    /** What was on the show while nobody listened is left out, except for the last of it. */
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
        return table.open(new Told(SEED, now, Timeline.of(SEED, now).begin().minusSeconds(1)));
    }

    /** Tells the past from where it was left, then the present until something stands against it. */
    private void follow(Told told) {
        Timeline timeline = told.timeline();
        Instant began = clock.instant();
        Predicate<Booking> shown = run -> !run.submit().isAfter(told.to())
                || Telling.lastWord(run).isAfter(began.minus(SHOWN_AGAIN));
        tellBeginnings(timeline.live(told.to(), told.to()), told.to());

        Instant from = told.to();
        Instant nodesAt = Instant.MIN;
        boolean present = false;
        while (!isClosing()) {
            Instant now = clock.instant();
            if (present && Duration.between(from, now).compareTo(SHOWN_AGAIN) > 0) {
                return; // The machine slept: as if the server had been away.
            }
            boolean behind = Duration.between(from, now).compareTo(STRETCH) > 0;
            Instant to = behind ? from.plus(STRETCH) : now;
            List<Booking> runs = Stream.concat(timeline.background(from, to).stream(),
                    timeline.live(from, to).stream().filter(shown)).toList();
            tell(Timeline.happenings(runs, from, to));
            store(Timeline.usage(runs, from, to).filter(usage -> samples.trouble(usage.at()).isEmpty()).toList());
            if (isClosing()) {
                return;
            }
            if (!behind && Ticks.last(to).isAfter(nodesAt)) {
                nodesAt = Ticks.last(to);
                nodes.store(timeline.nodesAt(nodesAt));
            }
            table.toldTo(to);
            succeeded(to);
            if (!behind) {
                present = true;
                caughtUp(told, began);
                closedWithin(Duration.between(clock.instant(), timeline.nextAfter(to)));
            }
            from = to;
        }
    }

    /** Those that had been left out, in an earlier gap that was told in part, and are told to their end now. */
    private void tellBeginnings(List<Booking> runs, Instant to) {
        Map<RunName, Long> known = table.keysOf(runs);
        tell(Timeline.happenings(runs.stream().filter(run -> run.start().isBefore(to))
                .filter(run -> !known.containsKey(RunName.of(run))).toList(), Instant.MIN, to));
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

    private void store(List<Usage> usage) {
        if (usage.isEmpty() || isClosing()) {
            return;
        }
        Map<RunName, Long> keys = table.keysOf(usage.stream().map(Usage::run).distinct().toList());
        Map<List<Object>, List<Usage>> byBatch = usage.stream()
                .filter(use -> keys.containsKey(RunName.of(use.run())))
                .collect(Collectors.groupingBy(use -> List.of(use.at(), use.node()), LinkedHashMap::new,
                        Collectors.toList()));
        try {
            batches.takeAll(new Caller("demo", null, "demo", "demo", new Scope.Everything()),
                    byBatch.values().stream().map(DemoCluster::batch).toList());
        } catch (GroupCommit.TooMuch e) {
            throw new DatabaseUnavailable(String.valueOf(e.getMessage()), e);
        }
    }

    private static Batch batch(List<Usage> usage) {
        Usage any = usage.getFirst();
        return new Batch(Batch.VERSION, Telling.CLUSTER, any.node(), "demo", any.at().getEpochSecond(), any.at(),
                (int) Ticks.APART.toMillis(), null, null, usage.stream().map(Usage::reading).toList(),
                usage.stream().flatMap(use -> use.gpus().stream()).toList());
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
