package org.jobwitness.wire;

import java.util.Locale;

/**
 * What became of an event.
 *
 * @param message one sentence for a person
 */
public record EventResponse(Status status, String jobId, String message) {

    /** CREATED and ACCEPTED made a run, the latter from its end alone; UPDATED changed one; SKIPPED told nothing new. */
    public enum Status {
        CREATED,
        UPDATED,
        SKIPPED,
        ACCEPTED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
