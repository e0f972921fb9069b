package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An OOM kill of a run, as the API tells it. {@link OomKill} says what each field is.
 *
 * @param node where it was
 */
public record JobOomKill(Instant timestamp, String node, @Nullable String step, int killed, @Nullable Long limitBytes,
        OomCause cause) {
}
