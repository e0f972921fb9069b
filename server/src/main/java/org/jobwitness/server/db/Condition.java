package org.jobwitness.server.db;

import java.util.Map;

/**
 * A condition in SQL.
 *
 * @param values of its parameters, by name
 */
public record Condition(String sql, Map<String, Object> values) {
    public Condition {
        values = Map.copyOf(values);
    }
}
