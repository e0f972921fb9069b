package org.jobwitness.server.stream;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobTraits;
import org.jobwitness.server.query.Visibility;

/**
 * An open stream, with a bounded queue of events. While its client is too slow, events are only counted, and a gap is
 * reported in their place. Filled by the publisher, emptied by the thread of its request.
 */
final class Listener {
    private static final int MAX_EVENTS = 5_000;
    private static final int MAX_BYTES = 2 << 20;

    private final Scope scope;
    private final JobFilter filter;
    private final Deque<Event> waiting = new ArrayDeque<>();
    private int bytes;
    private long missed;
    private boolean ended;

    Listener(Scope scope, JobFilter filter) {
        this.scope = scope;
        this.filter = filter;
    }

    /** What to send next. */
    sealed interface Next {

        record Read(Event event) implements Next {
        }

        /** Events are missing here. */
        record Gap(long missed) implements Next {
        }

        /** Nothing happened within the timeout. */
        record Idle() implements Next {
        }

        /** The stream is closed. */
        record End() implements Next {
        }
    }

    boolean maySee(JobTraits run) {
        return Visibility.includes(scope, run);
    }

    boolean wants(JobTraits run) {
        return maySee(run) && filter.matches(run);
    }

    /**
     * Never waits.
     *
     * @return false if the client is too slow to get it
     */
    synchronized boolean offer(Event event) {
        // An event larger than the whole queue goes alone.
        boolean hasRoom = waiting.isEmpty()
                || (waiting.size() < MAX_EVENTS && bytes + event.size() <= MAX_BYTES);
        if (missed > 0 || !hasRoom) {
            missed++;
            return false;
        }
        waiting.add(event);
        bytes += event.size();
        notifyAll();
        return true;
    }

    /** Counts events that could not be made. */
    synchronized void miss(long events) {
        missed += events;
        notifyAll();
    }

    synchronized Next next(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (isIdle() && !ended) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return new Next.Idle();
            }
            wait(Math.max(1, Duration.ofNanos(left).toMillis()));
        }
        if (ended) {
            return new Next.End();
        }
        Optional<Event> event = Optional.ofNullable(waiting.poll());
        if (event.isPresent()) {
            bytes -= event.get().size();
            return new Next.Read(event.get());
        }
        Next gap = new Next.Gap(missed);
        missed = 0;
        return gap;
    }

    synchronized boolean isIdle() {
        return waiting.isEmpty() && missed == 0;
    }

    synchronized void end() {
        ended = true;
        waiting.clear();
        notifyAll();
    }
}
