package org.jobwitness.server.job;

import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** What somebody says of a run. Weighed by {@link JobLifecycle}. */
public sealed interface Evidence {

    Identity identity();

    /** When it was said, by the sender's clock; null if the sender did not tell. */
    @Nullable
    Instant at();

    /** The node that speaks; null if no single node does. */
    default @Nullable NodeAllocation onNode() {
        return null;
    }

    JobAttributes about();

    /** CPUs of each node of {@code about().nodes()}, in that order; empty if not said. */
    default List<Integer> cpusOfNodes() {
        return List.of();
    }

    default @Nullable String eventId() {
        return null;
    }

    /** A prolog ran: the run has begun. */
    record Started(Identity identity, @Nullable Instant at, @Nullable NodeAllocation onNode, JobAttributes about,
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
    record Ended(Identity identity, @Nullable Instant at, @Nullable NodeAllocation onNode, JobAttributes about,
            List<Integer> cpusOfNodes, @Nullable String eventId, EndEvidence end,
            @Nullable EpilogReading reading) implements Evidence {
        public Ended {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }
    }

    /**
     * A node's agent sees a job's cgroup. Most often its prolog has told of it already.
     *
     * @param at when the cgroup was made, or else when it was seen
     * @param isBeginning whether {@code at} is when it was made: then a later run of the same job id than is known may be
     *     told by it
     * @param oomKilled whether a process of it was killed because the job met its own memory limit
     */
    record Observed(Identity identity, Instant at, boolean isBeginning, NodeAllocation onNode, JobAttributes about,
            boolean oomKilled)
            implements
                Evidence {
    }

    /**
     * The scheduler tells how it sees the run now.
     *
     * @param state PENDING, RUNNING or a final one
     * @param reason why, for a final state
     * @param rawState the scheduler's own word for the state
     * @param endTime for a final state, if it is known
     * @param onNode what the run has on one of its nodes; of each there may be a piece
     * @param exit for a final state, if it is known
     * @param derivedExitCode as in {@link EndEvidence}
     */
    record Reported(Identity identity, @Nullable Instant at, JobAttributes about, JobState state,
            @Nullable Reason reason,
            String rawState, @Nullable Instant endTime, @Nullable NodeAllocation onNode, List<Integer> cpusOfNodes,
            @Nullable WaitStatus exit, @Nullable Integer derivedExitCode) implements Evidence {
        private static final Set<String> PRIORITY = Set.of("priority");

        public Reported {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }

        /** Without what only a scheduler can tell that counts CPUs and waits for processes. */
        public Reported(Identity identity, @Nullable Instant at, JobAttributes about, JobState state,
                @Nullable Reason reason,
                String rawState, @Nullable Instant endTime) {
            this(identity, at, about, state, reason, rawState, endTime, null, List.of(), null, null);
        }

        /** The same, with what the run has on a node. */
        public Reported on(NodeAllocation node) {
            return new Reported(identity, at, about, state, reason, rawState, endTime, node, cpusOfNodes, exit,
                    derivedExitCode);
        }

        /**
         * The same, told once more of a run that waits or goes on: only what may have changed since. Not a waiting job's
         * priority, which grows with its age: the audit trail would keep each step.
         */
        public Reported again() {
            JobAttributes changes = about.changeable();
            return new Reported(identity, at, state == JobState.PENDING ? changes.without(PRIORITY) : changes, state,
                    reason, rawState, endTime);
        }
    }

    /**
     * Neither the scheduler nor an agent knows the run any more, and nobody has said how it ended.
     *
     * @param at when it was last heard of
     */
    record Lost(Identity identity, Instant at) implements Evidence {
        @Override
        public JobAttributes about() {
            return JobAttributes.NOTHING;
        }
    }

    /** Somebody makes a job by hand: it runs from {@code at} on. Refused if its id is known already. */
    record Declared(Identity identity, Instant at, JobAttributes about) implements Evidence {
    }

    /**
     * Somebody says something of the newest run by hand. Refused if it has ended, or if it would go back.
     *
     * @param state null if it stays
     */
    record Amended(Identity identity, Instant at, @Nullable JobState state) implements Evidence {
        @Override
        public JobAttributes about() {
            return JobAttributes.NOTHING;
        }
    }
}
