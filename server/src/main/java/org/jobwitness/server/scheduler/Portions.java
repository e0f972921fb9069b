package org.jobwitness.server.scheduler;

import java.util.List;
import java.util.stream.IntStream;

/** Splits lists that are too long for one step. */
final class Portions {
    private Portions() {
    }

    static <T> List<List<T>> of(List<T> all, int max) {
        return IntStream.range(0, (all.size() + max - 1) / max)
                .mapToObj(i -> all.subList(i * max, Math.min(all.size(), (i + 1) * max))).toList();
    }
}
