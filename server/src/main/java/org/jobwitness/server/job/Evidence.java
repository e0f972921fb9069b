package org.jobwitness.server.job;

import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.Reading;
import org.jspecify.annotations.Nullable;

/** What somebody says of a run. Weighed by {@link JobLifecycle}. */
public sealed interface Evidence {

    Identity identity();

    /** When it was said, by the sender's clock; null if the sender did not tell. */
    @Nullable
    Instant at();

    /** The node that speaks; null if no single node does. */
    @Nullable
    OnNode onNode();

    About about();

    /** CPUs of each node of {@code about().nodes()}, in that order; empty if not said. */
    List<Integer> cpusOfNodes();

    @Nullable
    String eventId();

    /** A prolog ran: the run has begun. */
    record Started(Identity identity, @Nullable Instant at, @Nullable OnNode onNode, About about,
            List<Integer> cpusOfNodes, @Nullable String eventId) implements Evidence {
        public Started {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }
    }

    /**
     * An epilog ran: the run has ended.
     *
     * @param reading the node's last figures
     */
    record Ended(Identity identity, @Nullable Instant at, @Nullable OnNode onNode, About about,
            List<Integer> cpusOfNodes, @Nullable String eventId, End end,
            @Nullable Reading reading) implements Evidence {
        public Ended {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }
    }
}
