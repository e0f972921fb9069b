package org.jobwitness.agent.sampling;

import org.jobwitness.wire.Batch;

/** Takes batches to be sent. */
public interface Outbox {
    /** @param atOnce ahead of other batches, because someone waits for it */
    void add(Batch batch, boolean atOnce);
}
