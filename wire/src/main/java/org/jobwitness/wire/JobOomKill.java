package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** An OOM kill of a run, as the API shows it. {@link OomKill} explains the fields. */
public record JobOomKill(Instant timestamp, String node, @Nullable String step, int killed, @Nullable Long limitBytes,
        OomCause cause) {
}
