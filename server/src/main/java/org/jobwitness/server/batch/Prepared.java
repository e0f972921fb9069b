package org.jobwitness.server.batch;

import java.util.List;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.sample.LateXids;
import org.jobwitness.server.sample.Sample;
import org.jspecify.annotations.Nullable;

/**
 * A batch, ready to be written.
 *
 * @param node null if the batch has nothing of the node itself
 * @param lateXids errors of GPUs that may be of jobs which are not in the batch
 * @param queue null if the agent reported none
 */
record Prepared(BatchNumber number, @Nullable NodeReading node, List<Sample> samples, List<LateXids> lateXids,
        AgentQueueTable.@Nullable Queue queue) {
    int rows() {
        return 1 + samples.stream().mapToInt(sample -> 1 + sample.gpus().size() + sample.oomKills().size()).sum();
    }
}
