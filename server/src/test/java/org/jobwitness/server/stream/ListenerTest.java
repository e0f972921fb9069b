package org.jobwitness.server.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.jobsOf;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.query.JobTraits;
import org.jobwitness.server.stream.Listener.Next;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ListenerTest {
    private static final JobFilter ALL = new JobFilter(Set.of(), null, null, null, null, null, null, null, null);
    private static final Duration AT_ONCE = Duration.ofMillis(1);
    private static final int MOST_BYTES = 2 << 20;

    private final Listener listener = new Listener(new Scope.Everything(), ALL);

    private static JobTraits runOf(@Nullable String user) {
        return new JobTraits(1, "alpha", "17", JobState.RUNNING, null, user, null, List.of("n1"), null, null, null,
                null, null, false, null, null, null);
    }

    private static Event event(int size) {
        return Event.of("job", "x".repeat(size));
    }

    /** How many are taken before the first one is not. */
    private int fill(int size) {
        int taken = 0;
        while (listener.offer(event(size))) {
            taken++;
        }
        return taken;
    }

    @Test
    void whoMaySeeOnlyHisOwnJobsHearsOfThoseWhateverHeAsksFor() {
        Scope scope = jobsOf("alice");
        Listener alice = new Listener(scope, ALL);
        assertThat(alice.wants(runOf("alice"))).isTrue();
        assertThat(alice.wants(runOf("bob"))).isFalse();
        assertThat(alice.wants(runOf(null))).isFalse();
        assertThat(alice.maySee(runOf("bob"))).isFalse();
        Listener curious = new Listener(scope,
                new JobFilter(Set.of(), null, "bob", null, null, null, null, null, null));
        assertThat(curious.wants(runOf("bob"))).isFalse();
        assertThat(curious.wants(runOf("alice"))).isFalse();
    }

    @Test
    void soManyBytesWaitAtMost() {
        int taken = fill(10_000);
        assertThat(taken * 10_000).isBetween(MOST_BYTES / 2, MOST_BYTES);
    }

    @Test
    void soManyEventsWaitAtMost() {
        assertThat(fill(1)).isEqualTo(5_000);
    }

    @Test
    void oneThatIsLargerThanAllThatMayWaitGoesAlone() {
        assertThat(listener.offer(event(MOST_BYTES))).isTrue();
        assertThat(listener.offer(event(1))).isFalse();
    }

    @Test
    void whatWaitsIsReadBeforeTheGapAndWhatComesLaterBehindIt() throws InterruptedException {
        int taken = fill(10_000);
        assertThat(listener.offer(event(1))).isFalse();
        for (int i = 0; i < taken; i++) {
            assertThat(listener.next(AT_ONCE)).isInstanceOf(Next.Read.class);
        }
        assertThat(listener.offer(event(1))).as("in its place it would hide the gap").isFalse();
        assertThat(listener.next(AT_ONCE)).isEqualTo(new Next.Gap(3));
        assertThat(fill(10_000)).as("all room is free again").isEqualTo(taken);
        assertThat(listener.next(AT_ONCE)).isInstanceOf(Next.Read.class);
    }

    @Test
    void aListenerThatIsEndedGetsNothingMore() throws InterruptedException {
        assertThat(listener.next(AT_ONCE)).isEqualTo(new Next.Idle());
        listener.offer(event(1));
        listener.end();
        assertThat(listener.next(AT_ONCE)).isEqualTo(new Next.End());
        listener.offer(event(1));
        assertThat(listener.next(AT_ONCE)).isEqualTo(new Next.End());
    }
}
