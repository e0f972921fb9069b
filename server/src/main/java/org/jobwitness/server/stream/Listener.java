package org.jobwitness.server.stream;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobTraits;

/**
 * Somebody who listens, and what waits to be read by him. That is so much at most: while he is too slow, events are only counted,
 * and where they are missing he is told. Filled by the thread that tells, emptied by the one of his request.
 */
final class Listener {
    private static final int MOST_EVENTS = 5_000;
    private static final int MOST_BYTES = 2 << 20;

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

    /** What he is to get next. */
    sealed interface Next {

        record Read(Event event) implements Next {
        }

        /** Events are missing here. */
        record Gap(long missed) implements Next {
        }

        /** Nothing has happened for so long. */
        record Silence() implements Next {
        }

        /** There will be no more. */
        record End() implements Next {
        }
    }

    boolean maySee(JobTraits run) {
        return run.isVisibleTo(scope);
    }

    boolean wants(JobTraits run) {
        return maySee(run) && filter.matches(run);
    }

    /**
     * Never waits.
     *
     * @return false if he is too slow to get it
     */
    synchronized boolean offer(Event event) {
        // One that is larger than all that may wait goes alone.
        boolean hasRoom = waiting.isEmpty()
                || (waiting.size() < MOST_EVENTS && bytes + event.size() <= MOST_BYTES);
        if (missed > 0 || !hasRoom) {
            missed++;
            return false;
        }
        waiting.add(event);
        bytes += event.size();
        notifyAll();
        return true;
    }

    /** Events that nobody could make for him. */
    synchronized void miss(long events) {
        missed += events;
        notifyAll();
    }

    synchronized Next next(Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (isIdle() && !ended) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return new Next.Silence();
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

    /** Whether nothing waits for him. */
    synchronized boolean isIdle() {
        return waiting.isEmpty() && missed == 0;
    }

    synchronized void end() {
        ended = true;
        waiting.clear();
        notifyAll();
    }
}
