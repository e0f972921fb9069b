package org.jobwitness.server.stream;

import static org.jobwitness.server.db.Columns.rounded;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.job.JobChange;
import org.jobwitness.server.job.Run;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobTraits;
import org.jobwitness.server.sample.Sample;
import org.jobwitness.server.stream.Pending.Happened;
import org.jobwitness.server.stream.Pending.Latest;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobDeleted;
import org.jobwitness.wire.StreamFigures;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners what becomes of jobs. {@link #changed} and {@link #stored} are called by the threads that write, and only note
 * what happened; a thread of its own gathers that for a moment, reads what it came to, once for all, and puts it into
 * the listeners' queues; the thread of each listener's request takes it from there. None of them ever waits for a later one.
 */
public final class JobStream implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(JobStream.class);
    static final int MOST_LISTENERS = 200;
    /** What happens to a run within this time is one event. */
    private static final Duration GATHERED = Duration.ofMillis(250);
    private static final Duration PATIENCE_AT_CLOSE = Duration.ofSeconds(1);
    private static final int READ_AT_ONCE = 500;

    private final JobQueries jobs;
    private final Json json;
    private final Pending pending = new Pending();
    private final RunsHeardOf runs;
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final Thread teller;
    private final Counter told;
    private final Counter dropped;
    private boolean closed;
    private long events;

    public JobStream(JobQueries jobs, Json json, Clock clock, PrometheusRegistry metrics) {
        this.jobs = jobs;
        this.json = json;
        runs = new RunsHeardOf(clock);
        GaugeWithCallback.builder().name("jobwitness_stream_clients").help("Streams that are open.")
                .callback(gauge -> gauge.call(listeners.size())).register(metrics);
        told = Counter.builder().name("jobwitness_stream_events_total").help("Events sent on streams.")
                .labelNames("event").register(metrics);
        List.of("job", "job_deleted", "figures", "overflow").forEach(event -> told.initLabelValues(event));
        dropped = Counter.builder().name("jobwitness_stream_dropped_total")
                .help("Events that were not sent on a stream, because its client was too slow or the database was away.")
                .register(metrics);
        teller = Thread.ofPlatform().name("job-stream").daemon().start(this::tell);
    }

    /** A listener of {@code JobTable}. */
    public void changed(JobChange change) {
        if (!listeners.isEmpty()) {
            pending.add(change);
        }
    }

    /** A listener of {@code SampleStore}. */
    public void stored(List<Sample> samples) {
        if (!listeners.isEmpty()) {
            pending.add(samples);
        }
    }

    /** Somebody listens, to all that is committed from now on; empty if too many do already. */
    synchronized Optional<Listener> join(Scope scope, JobFilter filter) {
        if (listeners.size() >= MOST_LISTENERS) {
            return Optional.empty();
        }
        Listener listener = new Listener(scope, filter);
        if (closed) {
            listener.end();
        } else {
            listeners.add(listener);
        }
        return Optional.of(listener);
    }

    void leave(Listener listener) {
        listeners.remove(listener);
    }

    void sent(String event) {
        told.labelValues(event).inc();
    }

    private void tell() {
        try {
            while (pending.await()) {
                Thread.sleep(GATHERED);
                tell(pending.take());
            }
        } catch (InterruptedException e) {
            log.warn("stream_interrupted");
        }
    }

    private void tell(Happened happened) {
        try {
            miss(happened.lost());
            tellChanges(happened.changes());
            tellFigures(happened.figures());
        } catch (RuntimeException e) {
            log.warn("stream_gap cause=\"{}\"", e.getMessage());
            miss(happened.changes().size() + happened.figures().size());
        }
    }

    private void miss(long events) {
        if (events > 0) {
            for (Listener listener : listeners) {
                listener.miss(events);
                dropped.inc(events);
            }
        }
    }

    private void tellChanges(List<JobChange> changes) {
        for (List<JobChange> some : portions(changes)) {
            Map<Long, Job> now = read(
                    some.stream().filter(change -> change.after() != null).map(change -> change.run().key()).toList());
            for (JobChange change : some) {
                long run = change.run().key();
                Job job = now.get(run);
                if (change.after() == null) {
                    runs.forget(run);
                    tellDeletion(change.run());
                } else if (job != null) {
                    tellChange(change.before(), job);
                }
            }
        }
    }

    /** Also to those who listened to what it was: else a run that has ended would run on for who listens to running ones. */
    private void tellChange(@Nullable Run earlier, Job job) {
        JobTraits before = earlier == null ? null : JobTraits.of(earlier);
        JobTraits after = JobTraits.of(job);
        tell("job", listener -> listener.wants(after)
                || (before != null && listener.wants(before) && listener.maySee(after)), () -> job);
    }

    private void tellDeletion(Run run) {
        JobTraits last = JobTraits.of(run);
        tell("job_deleted", listener -> listener.wants(last),
                () -> new JobDeleted(run.identity().jobId(), run.key(), run.identity().cluster()));
    }

    private void tellFigures(List<Latest> figures) {
        for (List<Latest> some : portions(figures)) {
            read(some.stream().map(Latest::run).filter(run -> runs.get(run).isEmpty()).distinct().toList());
            for (Latest latest : some) {
                runs.get(latest.run()).ifPresent(
                        run -> tell("figures", listener -> listener.wants(run), () -> figures(run, latest)));
            }
        }
    }

    private static StreamFigures figures(JobTraits run, Latest latest) {
        Double bytes = latest.memoryUsageBytes();
        return new StreamFigures(run.jobId(), latest.run(), run.cluster(),
                latest.node().isEmpty() ? null : latest.node(),
                latest.at(), shown(latest.cpuUsagePercent()),
                shown(bytes == null ? null : Double.valueOf(bytes / (1 << 20))), shown(latest.gpuUsagePercent()));
    }

    private static @Nullable Double shown(@Nullable Double figure) {
        return figure == null ? null : Double.valueOf(rounded(figure));
    }

    private Map<Long, Job> read(List<Long> keys) {
        Map<Long, Job> found = new HashMap<>();
        if (!keys.isEmpty()) {
            for (Job job : jobs.find(keys)) {
                found.put(job.run(), job);
                runs.put(job.run(), JobTraits.of(job));
            }
        }
        return found;
    }

    private static <T> List<List<T>> portions(List<T> all) {
        List<List<T>> portions = new ArrayList<>();
        for (int from = 0; from < all.size(); from += READ_AT_ONCE) {
            portions.add(all.subList(from, Math.min(all.size(), from + READ_AT_ONCE)));
        }
        return portions;
    }

    private void tell(String name, Predicate<Listener> wants, Supplier<Object> data) {
        List<Listener> those = listeners.stream().filter(wants).toList();
        if (!those.isEmpty()) {
            Event event = Event.of(name, ++events, json.text(data.get()));
            for (Listener listener : those) {
                if (!listener.offer(event)) {
                    dropped.inc();
                }
            }
        }
    }

    /** Ends all streams, and takes on no more. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        listeners.forEach(Listener::end);
        pending.close();
        try {
            if (!teller.join(PATIENCE_AT_CLOSE)) {
                log.warn("stream_slow_to_stop");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
