package org.jobwitness.wire;

import java.time.Instant;
import java.util.Map;

/**
 * The health of the server.
 *
 * @param status healthy or unhealthy
 * @param checks by name: {@code ok}, or what is wrong
 */
public record Health(String status, Instant timestamp, String version, Map<String, String> checks) {

    public Health {
        checks = Map.copyOf(checks);
    }
}
