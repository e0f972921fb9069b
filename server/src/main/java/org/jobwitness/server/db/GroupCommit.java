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
 * Puts what many threads want to write at once into few transactions: a writer that is free takes all that waits. So
 * nobody waits for a timer, and the more there is to write, the less each costs. Submitted to by the threads of requests;
 * one thread of its own writes.
 *
 * @param <T> what is written
 * @param <R> what came of it
 */
public final class GroupCommit<T, R> implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GroupCommit.class);
    private static final Duration PATIENCE_AT_CLOSE = Duration.ofSeconds(10);

    private final int atOnce;
    private final int mostWaiting;
    private final Duration patience;
    private final ToIntFunction<T> weight;
    private final Function<List<T>, List<R>> commit;
    private final Thread writer;
    /** Guards what follows. */
    private final Object lock = new Object();
    private final Deque<Waiting<T, R>> queue = new ArrayDeque<>();
    private int waiting;
    private boolean closing;

    private record Waiting<T, R>(T item, int weight, CompletableFuture<R> answer) {
    }

    /** So much waits already that more would only grow memory. */
    public static final class TooMuch extends Exception {
        private static final long serialVersionUID = 1L;

        TooMuch(String message) {
            super(message);
        }
    }

    /**
     * Made; the writer begins at once.
     *
     * @param name of the writer's thread
     * @param atOnce the most weight of one transaction; an item that is heavier goes alone
     * @param mostWaiting the most weight that may wait
     * @param patience how long a submitter waits at most
     * @param commit writes all, in one transaction, or nothing; answers in the same order
     */
    public GroupCommit(String name, int atOnce, int mostWaiting, Duration patience, ToIntFunction<T> weight,
            Function<List<T>, List<R>> commit) {
        this.atOnce = atOnce;
        this.mostWaiting = mostWaiting;
        this.patience = patience;
        this.weight = weight;
        this.commit = commit;
        writer = Thread.ofPlatform().name(name).daemon().start(this::write);
    }

    /** Writes one item; returns when it is durable. */
    public R submit(T item) throws TooMuch {
        return await(enqueue(item));
    }

    /**
     * Writes many, some after others when they are too many to wait together; returns when all are durable. The first are
     * written while the others are still made.
     */
    public List<R> submitAll(Stream<T> items) throws TooMuch {
        List<R> answers = new ArrayList<>();
        Deque<CompletableFuture<R>> sent = new ArrayDeque<>();
        for (T item : (Iterable<T>) items::iterator) {
            while (!sent.isEmpty() && weightWaiting() > mostWaiting / 2) {
                answers.add(await(sent.removeFirst()));
            }
            sent.add(enqueue(item));
        }
        for (CompletableFuture<R> answer : sent) {
            answers.add(await(answer));
        }
        return answers;
    }

    /** How much waits now. */
    public int weightWaiting() {
        synchronized (lock) {
            return waiting;
        }
    }

    private CompletableFuture<R> enqueue(T item) throws TooMuch {
        int heavy = weight.applyAsInt(item);
        synchronized (lock) {
            if (closing) {
                throw new DatabaseUnavailable("the server is stopping");
            }
            if (waiting > 0 && waiting + heavy > mostWaiting) {
                throw new TooMuch("more is waiting to be written than the database keeps up with; try again later");
            }
            Waiting<T, R> entry = new Waiting<>(item, heavy, new CompletableFuture<>());
            queue.add(entry);
            waiting += heavy;
            lock.notifyAll();
            return entry.answer();
        }
    }

    private R await(CompletableFuture<R> answer) {
        try {
            return answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new DatabaseUnavailable("the database did not take it within " + patience.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DatabaseUnavailable("interrupted while it was written", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case DatabaseUnavailable away -> throw new DatabaseUnavailable(String.valueOf(away.getMessage()), away);
                case RuntimeException other -> throw new IllegalStateException(other.getMessage(), other);
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private void write() {
        for (List<Waiting<T, R>> group = next(); !group.isEmpty(); group = next()) {
            try {
                answer(group);
            } catch (RuntimeException | Error e) { // whatever it is: without this thread nothing is written any more
                group.forEach(entry -> entry.answer().completeExceptionally(e));
            }
        }
    }

    /** Waits until there is something, then takes as much as goes into one transaction; nothing once it is closed. */
    private List<Waiting<T, R>> next() {
        synchronized (lock) {
            while (queue.isEmpty() && !closing) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    log.warn("writer_interrupted thread={}", writer.getName());
                }
            }
            List<Waiting<T, R>> group = new ArrayList<>();
            int taken = 0;
            while (!queue.isEmpty() && (group.isEmpty() || taken + queue.getFirst().weight() <= atOnce)) {
                Waiting<T, R> entry = queue.removeFirst();
                taken += entry.weight();
                group.add(entry);
            }
            waiting -= taken;
            return group;
        }
    }

    private void answer(List<Waiting<T, R>> group) {
        List<R> answers;
        try {
            answers = commit.apply(group.stream().map(Waiting::item).toList());
        } catch (DatabaseUnavailable e) {
            throw e;
        } catch (RuntimeException e) {
            if (group.size() == 1) {
                throw e;
            }
            // One of them cannot be written: that is no reason to refuse the others.
            group.forEach(entry -> answerAlone(entry));
            return;
        }
        for (int i = 0; i < group.size(); i++) {
            group.get(i).answer().complete(answers.get(i));
        }
    }

    private void answerAlone(Waiting<T, R> entry) {
        try {
            entry.answer().complete(commit.apply(List.of(entry.item())).getFirst());
        } catch (RuntimeException e) {
            entry.answer().completeExceptionally(e);
        }
    }

    /** Lets what waits be written, then ends. */
    @Override
    public void close() {
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
        }
        try {
            if (!writer.join(PATIENCE_AT_CLOSE)) {
                log.warn("writer_slow_to_stop thread={}", writer.getName());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
