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
import org.jobwitness.server.stream.Pending.Latest;
import org.jobwitness.server.stream.Pending.Snapshot;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobDeleted;
import org.jobwitness.wire.StreamFigures;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes changes of jobs to listeners. {@link #changed} and {@link #stored} run on the threads that write, and only queue
 * what happened. The publisher, a thread of its own, collects that for a moment, reads the runs once for all listeners, and
 * fills their queues, from which each listener's request thread sends. No thread ever waits for a later one.
 */
public final class JobStream implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(JobStream.class);
    static final int MAX_LISTENERS = 200;
    /** All changes of a run within this time are one event. */
    private static final Duration COLLECT_INTERVAL = Duration.ofMillis(250);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(1);
    private static final int READ_BATCH_SIZE = 500;

    private final JobQueries jobs;
    private final Json json;
    private final Pending pending = new Pending();
    private final RunTraitsCache runs;
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final Thread publisher;
    private final Counter sent;
    private final Counter dropped;
    private boolean closed;
    private long events;

    public JobStream(JobQueries jobs, Json json, Clock clock, PrometheusRegistry metrics) {
        this.jobs = jobs;
        this.json = json;
        runs = new RunTraitsCache(clock);
        GaugeWithCallback.builder().name("jobwitness_stream_clients").help("Streams that are open.")
                .callback(gauge -> gauge.call(listeners.size())).register(metrics);
        sent = Counter.builder().name("jobwitness_stream_events_total").help("Events sent on streams.")
                .labelNames("event").register(metrics);
        List.of("job", "job_deleted", "figures", "overflow").forEach(event -> sent.initLabelValues(event));
        dropped = Counter.builder().name("jobwitness_stream_dropped_total")
                .help("Events that were not sent on a stream, because its client was too slow or the database was unavailable.")
                .register(metrics);
        publisher = Thread.ofPlatform().name("job-stream").daemon().start(this::publish);
    }

    /** Called by {@code JobTable}. */
    public void changed(JobChange change) {
        if (!listeners.isEmpty()) {
            pending.add(change);
        }
    }

    /** Called by {@code SampleStore}. */
    public void stored(List<Sample> samples) {
        if (!listeners.isEmpty()) {
            pending.add(samples);
        }
    }

    /** Adds a listener to all that is committed from now on; empty if there are too many. */
    synchronized Optional<Listener> join(Scope scope, JobFilter filter) {
        if (listeners.size() >= MAX_LISTENERS) {
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
        sent.labelValues(event).inc();
    }

    private void publish() {
        try {
            while (pending.await()) {
                Thread.sleep(COLLECT_INTERVAL);
                publish(pending.take());
            }
        } catch (InterruptedException e) {
            log.warn("stream_unexpected_interrupt");
        }
    }

    private void publish(Snapshot snapshot) {
        try {
            miss(snapshot.lost());
            publishChanges(snapshot.changes());
            publishFigures(snapshot.figures());
        } catch (RuntimeException e) {
            log.warn("stream_events_lost cause=\"{}\"", e.getMessage());
            miss(snapshot.changes().size() + snapshot.figures().size());
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

    private void publishChanges(List<JobChange> changes) {
        for (List<JobChange> some : batches(changes)) {
            Map<Long, Job> now = read(
                    some.stream().filter(change -> change.after() != null).map(change -> change.run().key()).toList());
            for (JobChange change : some) {
                long run = change.run().key();
                Job job = now.get(run);
                if (change.after() == null) {
                    runs.forget(run);
                    publishDeletion(change.run());
                } else if (job != null) {
                    publishChange(change.before(), job);
                }
            }
        }
    }

    /** Also to listeners that its earlier state matched: otherwise a stream of running jobs would never see their end. */
    private void publishChange(@Nullable Run earlier, Job job) {
        JobTraits before = earlier == null ? null : JobTraits.of(earlier);
        JobTraits after = JobTraits.of(job);
        publish("job", listener -> listener.wants(after)
                || (before != null && listener.wants(before) && listener.maySee(after)), () -> job);
    }

    private void publishDeletion(Run run) {
        JobTraits last = JobTraits.of(run);
        publish("job_deleted", listener -> listener.wants(last),
                () -> new JobDeleted(run.identity().jobId(), run.key(), run.identity().cluster()));
    }

    private void publishFigures(List<Latest> figures) {
        for (List<Latest> some : batches(figures)) {
            read(some.stream().map(Latest::run).filter(run -> runs.get(run).isEmpty()).distinct().toList());
            for (Latest latest : some) {
                runs.get(latest.run()).ifPresent(
                        run -> publish("figures", listener -> listener.wants(run), () -> figures(run, latest)));
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

    private static <T> List<List<T>> batches(List<T> all) {
        List<List<T>> batches = new ArrayList<>();
        for (int from = 0; from < all.size(); from += READ_BATCH_SIZE) {
            batches.add(all.subList(from, Math.min(all.size(), from + READ_BATCH_SIZE)));
        }
        return batches;
    }

    private void publish(String name, Predicate<Listener> wants, Supplier<Object> data) {
        List<Listener> interested = listeners.stream().filter(wants).toList();
        if (!interested.isEmpty()) {
            Event event = Event.of(name, ++events, json.text(data.get()));
            for (Listener listener : interested) {
                if (!listener.offer(event)) {
                    dropped.inc();
                }
            }
        }
    }

    /** Ends all streams, and accepts no more. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        listeners.forEach(Listener::end);
        pending.close();
        try {
            if (!publisher.join(CLOSE_TIMEOUT)) {
                log.warn("stream_stop_timeout");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
