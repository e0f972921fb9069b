package org.jobwitness.server.job;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Keeps stored values over incoming ones, and collects the incoming values that differ, for the audit trail. */
final class Differences {
    private final Map<String, Object> noted = new LinkedHashMap<>();

    <T> @Nullable T keep(String field, @Nullable T stored, @Nullable T incoming) {
        if (stored == null) {
            return incoming;
        }
        if (incoming != null && !incoming.equals(stored)) {
            noted.put(field, incoming);
        }
        return stored;
    }

    List<String> keep(String field, List<String> stored, List<String> incoming) {
        if (stored.isEmpty()) {
            return incoming;
        }
        if (!incoming.isEmpty() && !incoming.equals(stored)) {
            noted.put(field, incoming);
        }
        return stored;
    }

    /** Incoming values that differ from the stored ones, by field. */
    Map<String, Object> noted() {
        return Map.copyOf(noted);
    }
}
