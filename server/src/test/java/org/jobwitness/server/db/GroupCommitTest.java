package org.jobwitness.server.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.Test;

class GroupCommitTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final List<List<Integer>> groups = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch held = new CountDownLatch(1);

    /** Items weigh what they are; the first group waits until it is let go; 13 cannot be written. */
    private GroupCommit<Integer, String> writer(int atOnce, int mostWaiting, Duration patience) {
        return writer(atOnce, mostWaiting, patience, Company.none());
    }

    private GroupCommit<Integer, String> writer(int atOnce, int mostWaiting, Duration patience, Company company) {
        return new GroupCommit<>("test-writer", atOnce, mostWaiting, patience, company, item -> item, items -> {
            groups.add(items);
            try {
                held.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            if (items.contains(13)) {
                throw new IllegalStateException("13 brings bad luck");
            }
            if (items.contains(17)) {
                throw new DatabaseUnavailable("away");
            }
            return items.stream().map(item -> "wrote " + item).toList();
        });
    }

    private static CompletableFuture<String> submit(GroupCommit<Integer, String> writer, int item) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return writer.submit(item);
            } catch (GroupCommit.QueueFull e) {
                return "too much";
            }
        }, Thread::startVirtualThread);
    }

    private void beginWith(GroupCommit<Integer, String> writer, int item) throws InterruptedException {
        submit(writer, item);
        Waiting.until("it is being written", PATIENCE, () -> !groups.isEmpty());
    }

    @Test
    void whatComesWhileAGroupIsWrittenIsWrittenTogetherUpToTheLimit() throws Exception {
        try (GroupCommit<Integer, String> writer = writer(10, 100, PATIENCE)) {
            beginWith(writer, 1);
            List<CompletableFuture<String>> answers = new ArrayList<>();
            for (int item : List.of(4, 5, 6, 50, 2)) {
                int waiting = writer.weightWaiting();
                answers.add(submit(writer, item));
                Waiting.until("it waits", PATIENCE, () -> writer.weightWaiting() == waiting + item);
            }
            held.countDown();
            for (CompletableFuture<String> answer : answers) {
                assertThat(answer.get()).startsWith("wrote");
            }
            assertThat(groups).containsExactly(List.of(1), List.of(4, 5), List.of(6), List.of(50), List.of(2));
        }
    }

    /** At a thousand items in a second, whose clock stands still, the next waits for others: until they are enough. */
    @Test
    void itemsThatComeOftenWaitForOthersUpToTheLimit() throws Exception {
        held.countDown();
        try (GroupCommit<Integer, String> writer = writer(10, 100_000, PATIENCE,
                new Company(Duration.ofMillis(30), () -> 0))) {
            writer.submitAll(Collections.nCopies(100, 10).stream());
            groups.clear();
            CompletableFuture<String> first = submit(writer, 4);
            Waiting.until("it waits", PATIENCE, () -> writer.weightWaiting() == 4);
            CompletableFuture<String> second = submit(writer, 6);
            assertThat(first.get()).isEqualTo("wrote 4");
            assertThat(second.get()).isEqualTo("wrote 6");
            assertThat(groups).singleElement().asInstanceOf(LIST).hasSize(2);
        }
    }

    @Test
    void itemThatWaitsForOthersIsWrittenAtTheEndOfItsWait() throws Exception {
        held.countDown();
        AtomicLong nanos = new AtomicLong();
        Company company = new Company(Duration.ofMillis(30), nanos::get);
        try (GroupCommit<Integer, String> writer = writer(10, 100_000, PATIENCE, company)) {
            writer.submitAll(Collections.nCopies(100, 10).stream());
            CompletableFuture<String> answer = submit(writer, 4);
            Waiting.until("it waits", PATIENCE, () -> writer.weightWaiting() == 4);
            nanos.set(Duration.ofMillis(30).toNanos());
            assertThat(answer.get()).isEqualTo("wrote 4");
        }
    }

    @Test
    void moreThanMayWaitIsRefusedAtOnceAndNothingElseSuffers() throws Exception {
        try (GroupCommit<Integer, String> writer = writer(10, 20, PATIENCE)) {
            beginWith(writer, 1);
            CompletableFuture<String> waits = submit(writer, 15);
            Waiting.until("it waits", PATIENCE, () -> writer.weightWaiting() == 15);
            assertThat(submit(writer, 6).get()).isEqualTo("too much");
            held.countDown();
            assertThat(waits.get()).isEqualTo("wrote 15");
        }
    }

    @Test
    void oneThatCannotBeWrittenDoesNotTakeTheOthersOfItsGroupWithIt() throws Exception {
        try (GroupCommit<Integer, String> writer = writer(100, 1000, PATIENCE)) {
            beginWith(writer, 1);
            CompletableFuture<String> bad = submit(writer, 13);
            CompletableFuture<String> good = submit(writer, 2);
            Waiting.until("they wait", PATIENCE, () -> writer.weightWaiting() == 15);
            held.countDown();
            assertThat(good.get()).isEqualTo("wrote 2");
            assertThatThrownBy(bad::get).isInstanceOf(ExecutionException.class)
                    .hasRootCauseMessage("13 brings bad luck");
        }
    }

    @Test
    void whoWaitsTooLongIsToldThatTheDatabaseIsAway() throws Exception {
        try (GroupCommit<Integer, String> writer = writer(100, 1000, Duration.ofMillis(50))) {
            CompletableFuture<String> answer = submit(writer, 1);
            assertThatThrownBy(answer::get).hasCauseInstanceOf(DatabaseUnavailable.class);
            held.countDown();
        }
    }

    @Test
    void thatTheDatabaseIsAwayIsSaidToAllOfAGroupAndTheNextIsTriedAgain() throws Exception {
        try (GroupCommit<Integer, String> writer = writer(100, 1000, PATIENCE)) {
            beginWith(writer, 1);
            CompletableFuture<String> one = submit(writer, 17);
            CompletableFuture<String> two = submit(writer, 3);
            Waiting.until("they wait", PATIENCE, () -> writer.weightWaiting() == 20);
            held.countDown();
            assertThatThrownBy(one::get).hasCauseInstanceOf(DatabaseUnavailable.class);
            assertThatThrownBy(two::get).hasCauseInstanceOf(DatabaseUnavailable.class);
            assertThat(writer.submit(5)).isEqualTo("wrote 5");
        }
    }

    @Test
    void manyAreWrittenInOrderHoweverFewMayWait() throws Exception {
        held.countDown();
        try (GroupCommit<Integer, String> writer = writer(5, 10, PATIENCE)) {
            List<Integer> items = IntStream.range(0, 1000).map(i -> 1 + i % 3).boxed().toList();
            assertThat(writer.submitAll(items.stream()))
                    .isEqualTo(items.stream().map(item -> "wrote " + item).toList());
            assertThat(groups.size()).isLessThan(1000);
        }
    }

    @Test
    void whatWaitsIsWrittenBeforeItCloses() throws Exception {
        GroupCommit<Integer, String> writer = writer(1, 100, PATIENCE);
        beginWith(writer, 1);
        CompletableFuture<String> waits = submit(writer, 2);
        Waiting.until("it waits", PATIENCE, () -> writer.weightWaiting() == 2);
        CompletableFuture<Void> closing = CompletableFuture.runAsync(writer::close);
        held.countDown();
        closing.get();
        assertThat(waits.get()).isEqualTo("wrote 2");
        assertThatThrownBy(() -> writer.submit(3)).isInstanceOf(DatabaseUnavailable.class);
    }
}
