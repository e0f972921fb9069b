package org.jobwitness.server.job;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Keeps what is known, takes what is new, and remembers what was said differently, for the audit trail. */
final class Differences {
    private final Map<String, Object> said = new LinkedHashMap<>();

    <T> @Nullable T keep(String field, @Nullable T known, @Nullable T news) {
        if (known == null) {
            return news;
        }
        if (news != null && !news.equals(known)) {
            said.put(field, news);
        }
        return known;
    }

    List<String> keep(String field, List<String> known, List<String> news) {
        if (known.isEmpty()) {
            return news;
        }
        if (!news.isEmpty() && !news.equals(known)) {
            said.put(field, news);
        }
        return known;
    }

    /** What was said that differs from what stays, by field. */
    Map<String, Object> said() {
        return Map.copyOf(said);
    }
}
