package org.jobwitness.server.job;

/** The result of a change that a person or script makes through the API. */
public sealed interface ManualResult {

    /**
     * The change is stored.
     *
     * @param run the key of the changed run
     */
    record Done(long run) implements ManualResult {
    }

    /** The job is unknown. */
    record Unknown() implements ManualResult {
    }

    /**
     * Nothing is changed.
     *
     * @param cause for the caller
     */
    record Conflict(String cause) implements ManualResult {
    }
}
