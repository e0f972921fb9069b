package org.jobwitness.server.json;

import java.util.Map;
import java.util.Set;

/**
 * Which fields of a message may be left out when they cannot be taken. All others may: a message that says that a job began
 * must not be lost for a figure beside it.
 *
 * @param required without these the message says nothing
 * @param decisive they say which job and run is meant, or how it ended: unknown if blank, but never left out otherwise
 * @param elements lists of objects by name: an object that cannot be taken is left out alone
 */
public record Leniency<T>(Class<T> type, Set<String> required, Set<String> decisive,
        Map<String, Leniency<?>> elements) {

    public Leniency {
        required = Set.copyOf(required);
        decisive = Set.copyOf(decisive);
        elements = Map.copyOf(elements);
    }

    boolean mayLeaveOut(String field) {
        return !required.contains(field) && !decisive.contains(field);
    }
}
