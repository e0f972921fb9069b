package org.jobwitness.server.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.demo.Booking.Share;
import org.jobwitness.server.demo.Booking.Task;
import org.jspecify.annotations.Nullable;

/** A story on the nodes that are kept for it, so that it is told whatever else the cluster does. */
record Scene(Recipe recipe, List<Share> shares) {
    static final int TASKS = 8;
    private static final Duration LONGEST_REQUEUE = Duration.ofMinutes(5);

    Scene {
        shares = List.copyOf(shares);
    }

    static Scene on(List<String> nodes, Recipe recipe) {
        return new Scene(recipe,
                nodes.stream().map(name -> new Share(Machine.named(name), List.of())).toList());
    }

    static Scene onGpus(String node, List<Integer> gpus, Recipe recipe) {
        return new Scene(recipe, List.of(new Share(Machine.named(node), gpus)));
    }

    /** How many job ids it takes. */
    int jobs() {
        return recipe.story() == Story.ARRAY ? TASKS : 1;
    }

    /** Plays the scene: one run, two of a job that is requeued, or all tasks of an array. */
    List<Booking> play(long seed, long firstId, User user, Instant submit, Instant start) {
        if (recipe.story() == Story.ARRAY) {
            return IntStream.range(0, TASKS)
                    .mapToObj(task -> run(seed, firstId + task, user, 0, new Task(firstId, task), submit, start))
                    .toList();
        }
        Booking first = run(seed, firstId, user, 0, null, submit, start);
        if (recipe.story() == Story.REQUEUED) {
            Duration third = recipe.usual().dividedBy(3);
            Instant again = first.end().plus(third.compareTo(LONGEST_REQUEUE) < 0 ? third : LONGEST_REQUEUE);
            return Stream.of(first, run(seed, firstId, user, 1, null, submit, again)).toList();
        }
        return List.of(first);
    }

    private Booking run(long seed, long id, User user, int restarts, @Nullable Task task,
            Instant submit, Instant start) {
        return new Booking(id, recipe, user, restarts, task, submit, "Priority", start,
                start.plus(recipe.duration(seed, id, restarts)), shares);
    }
}
