package org.jobwitness.agent.sampling;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * Numbers batches, one after the other for each node. They count in one life of the agent: to go on with those of the life
 * before, it would have to know for certain how far that came.
 */
final class BatchNumbers {
    private final String life = UUID.randomUUID().toString();
    private final Map<String, Long> last = new HashMap<>();

    /** The {@code boot_id} of all batches. */
    String life() {
        return life;
    }

    long next(String node) {
        return last.merge(node, 1L, Long::sum);
    }
}
