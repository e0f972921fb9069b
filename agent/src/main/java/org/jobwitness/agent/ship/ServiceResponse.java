package org.jobwitness.agent.ship;

import java.time.Duration;
import java.util.OptionalDouble;
import org.jobwitness.agent.json.JsonValue;

/**
 * A response of the service.
 *
 * @param retryAfter the wait that it asks for, or zero
 */
record ServiceResponse(int status, Duration retryAfter, String body) {
    private static final int MAX_LOGGED_LENGTH = 400;

    Outcome outcome() {
        return switch (status) {
            case 400, 409, 413, 415, 422 -> Outcome.REFUSED;
            case 500 -> Outcome.FAILED;
            default -> status >= 200 && status < 300 ? Outcome.ACCEPTED : Outcome.UNAVAILABLE;
        };
    }

    /** How many readings of an accepted batch were refused ({@code wire.BatchResponse}); 0 if the body does not say. */
    int refusedCount() {
        try {
            OptionalDouble count = JsonValue.parse(body).numberAt("refused_count");
            return (int) count.orElse(0);
        } catch (JsonValue.MalformedJsonException e) {
            return 0;
        }
    }

    /** For the log. */
    @Override
    public String toString() {
        return "status=" + status + " response="
                + (body.length() > MAX_LOGGED_LENGTH ? body.substring(0, MAX_LOGGED_LENGTH) + "..." : body);
    }
}
