package org.jobwitness.agent.sampling;

import org.jobwitness.wire.Batch;

/** Takes batches to be sent. */
public interface Outbox {
    /**
     * Takes a batch.
     *
     * @param atOnce ahead of other batches, because it is urgent
     */
    void add(Batch batch, boolean atOnce);
}
