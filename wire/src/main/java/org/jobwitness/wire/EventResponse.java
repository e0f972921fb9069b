package org.jobwitness.wire;

import java.util.Locale;

/**
 * The response to an event.
 *
 * @param message a sentence for people
 */
public record EventResponse(Status status, String jobId, String message) {

    /** CREATED and ACCEPTED created a run, the latter from its end alone; UPDATED changed one; SKIPPED was nothing new. */
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
