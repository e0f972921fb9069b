package org.jobwitness.server.db;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what many threads submit in few transactions: the writer takes all that waits whenever it is free. Where items come
 * so often that others will follow at once, the first waits a moment for company ({@link Company}); where they are few, none
 * waits. So the more there is to write, the less each costs. Called by the threads of requests; one thread of its own writes.
 *
 * @param <T> an item
 * @param <R> the result of writing it
 */
public final class GroupCommit<T, R> implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GroupCommit.class);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

    private final int maxWeight;
    private final int maxWaiting;
    private final Duration timeout;
    private final ToIntFunction<T> weight;
    private final Function<List<T>, List<R>> commit;
    private final Company company;
    private final Thread writer;
    /** Guards what follows. */
    private final Object lock = new Object();
    private final Deque<Waiting<T, R>> queue = new ArrayDeque<>();
    private int waiting;
    private boolean closing;

    /** @param arrivedAt by the company's clock */
    private record Waiting<T, R>(T item, int weight, long arrivedAt, CompletableFuture<R> result) {
    }

    /** The queue has reached its limit. */
    public static final class QueueFull extends Exception {
        private static final long serialVersionUID = 1L;

        QueueFull(String message) {
            super(message);
        }
    }

    /**
     * Starts the writer.
     *
     * @param name of the writer's thread
     * @param maxWeight of one transaction; a heavier item goes alone
     * @param maxWaiting weight of all items that wait
     * @param timeout of a submission
     * @param company how long an item waits for others
     * @param commit writes all items in one transaction, or none; its results are in the same order
     */
    public GroupCommit(String name, int maxWeight, int maxWaiting, Duration timeout, Company company,
            ToIntFunction<T> weight, Function<List<T>, List<R>> commit) {
        this.maxWeight = maxWeight;
        this.maxWaiting = maxWaiting;
        this.timeout = timeout;
        this.company = company;
        this.weight = weight;
        this.commit = commit;
        writer = Thread.ofPlatform().name(name).daemon().start(this::write);
    }

    /** Writes one item; returns when it is durable. */
    public R submit(T item) throws QueueFull {
        return await(enqueue(item));
    }

    /**
     * Writes many items, one part after the other where they are too many for the queue; returns when all are durable. The
     * first are written while the stream still produces others.
     */
    public List<R> submitAll(Stream<T> items) throws QueueFull {
        List<R> results = new ArrayList<>();
        Deque<CompletableFuture<R>> sent = new ArrayDeque<>();
        for (T item : (Iterable<T>) items::iterator) {
            while (!sent.isEmpty() && weightWaiting() > maxWaiting / 2) {
                results.add(await(sent.removeFirst()));
            }
            sent.add(enqueue(item));
        }
        for (CompletableFuture<R> result : sent) {
            results.add(await(result));
        }
        return results;
    }

    /** Weight of all items that wait. */
    public int weightWaiting() {
        synchronized (lock) {
            return waiting;
        }
    }

    private CompletableFuture<R> enqueue(T item) throws QueueFull {
        int heavy = weight.applyAsInt(item);
        synchronized (lock) {
            if (closing) {
                throw new DatabaseUnavailable("the server is stopping");
            }
            if (waiting > 0 && waiting + heavy > maxWaiting) {
                throw new QueueFull("more is waiting to be written than the database keeps up with; try again later");
            }
            Waiting<T, R> entry = new Waiting<>(item, heavy, company.arrived(), new CompletableFuture<>());
            queue.add(entry);
            waiting += heavy;
            lock.notifyAll();
            return entry.result();
        }
    }

    private R await(CompletableFuture<R> result) {
        try {
            return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new DatabaseUnavailable("the database did not take it within " + timeout.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailable("interrupted while it was written", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case DatabaseUnavailable cause ->
                    throw new DatabaseUnavailable(String.valueOf(cause.getMessage()), cause);
                case RuntimeException other -> throw new IllegalStateException(other.getMessage(), other);
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private void write() {
        for (List<Waiting<T, R>> group = next(); !group.isEmpty(); group = next()) {
            try {
                commitGroup(group);
            } catch (RuntimeException | Error e) { // without this thread nothing would be written any more
                group.forEach(entry -> entry.result().completeExceptionally(e));
            }
        }
    }

    /** Waits for items, then takes as many as go into one transaction; none once it is closed. */
    private List<Waiting<T, R>> next() {
        synchronized (lock) {
            for (long left = millisToGroup(); left > 0; left = millisToGroup()) {
                try {
                    lock.wait(left);
                } catch (InterruptedException e) {
                    log.warn("writer_interrupted thread={}", writer.getName());
                }
            }
            List<Waiting<T, R>> group = new ArrayList<>();
            int taken = 0;
            while (!queue.isEmpty() && (group.isEmpty() || taken + queue.getFirst().weight() <= maxWeight)) {
                Waiting<T, R> entry = queue.removeFirst();
                taken += entry.weight();
                group.add(entry);
            }
            waiting -= taken;
            return group;
        }
    }

    /** 0 if there is a group to write, or it is closed. */
    private long millisToGroup() {
        if (closing || waiting >= Math.min(maxWeight, maxWaiting / 2)) {
            return 0;
        }
        return queue.isEmpty() ? Long.MAX_VALUE : company.millisToWait(queue.getFirst().arrivedAt());
    }

    private void commitGroup(List<Waiting<T, R>> group) {
        List<R> results;
        try {
            results = commit.apply(group.stream().map(Waiting::item).toList());
        } catch (DatabaseUnavailable e) {
            throw e;
        } catch (RuntimeException e) {
            if (group.size() == 1) {
                throw e;
            }
            // One of them cannot be written; the others can.
            group.forEach(entry -> commitAlone(entry));
            return;
        }
        for (int i = 0; i < group.size(); i++) {
            group.get(i).result().complete(results.get(i));
        }
    }

    private void commitAlone(Waiting<T, R> entry) {
        try {
            entry.result().complete(commit.apply(List.of(entry.item())).getFirst());
        } catch (RuntimeException e) {
            entry.result().completeExceptionally(e);
        }
    }

    /** Writes what waits, then ends. */
    @Override
    public void close() {
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
        }
        try {
            if (!writer.join(CLOSE_TIMEOUT)) {
                log.warn("writer_stop_timeout thread={}", writer.getName());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
