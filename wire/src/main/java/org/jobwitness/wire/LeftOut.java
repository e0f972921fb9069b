package org.jobwitness.wire;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** What a reading leaves out, with the causes: one value that it may not hold must not cost the others. */
final class LeftOut {
    private final Map<String, String> causes = new TreeMap<>();

    /** The value if the check accepts it; otherwise null, and the cause is kept. */
    <T> @Nullable T orNull(String field, @Nullable T value, BiFunction<String, T, @Nullable T> check) {
        if (value == null) {
            return null;
        }
        try {
            return check.apply(field, value);
        } catch (InvalidFieldException e) {
            causes.put(field, JobReading.LEFT_OUT + e.problem());
            return null;
        }
    }

    /** These causes, and those of what was left out. */
    Map<String, String> and(Map<String, String> absent) {
        if (causes.isEmpty()) {
            return absent;
        }
        Map<String, String> all = new TreeMap<>(absent);
        all.putAll(causes);
        return all;
    }
}
