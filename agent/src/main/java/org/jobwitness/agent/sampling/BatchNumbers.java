package org.jobwitness.agent.sampling;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/** Numbers the batches of each node, from 1 on at each start of the agent: the last number before a crash is not known for certain. */
final class BatchNumbers {
    private final String bootId = UUID.randomUUID().toString();
    private final Map<String, Long> last = new HashMap<>();

    /** The {@code boot_id} of all batches. */
    String bootId() {
        return bootId;
    }

    long next(String node) {
        return last.merge(node, 1L, Long::sum);
    }
}
