package org.jobwitness.agent.ship;

/** The result of a request. */
enum Outcome {
    ACCEPTED,
    /** Refused for good: the same request would be refused again. */
    REFUSED,
    /** The service failed, perhaps because of this request. */
    FAILED,
    /** To be retried. */
    UNAVAILABLE;

    /** Whether the request need not be sent again. */
    boolean isFinal() {
        return this == ACCEPTED || this == REFUSED;
    }
}
