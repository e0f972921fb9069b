package org.jobwitness.wire;

import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * The health of the server.
 *
 * @param status healthy or unhealthy
 * @param checks by name, and in that order: {@code ok}, or what is wrong
 */
public record Health(String status, Instant timestamp, String version, Map<String, String> checks) {

    public Health {
        checks = Collections.unmodifiableMap(new TreeMap<>(checks));
    }
}
