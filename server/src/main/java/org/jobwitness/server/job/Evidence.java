package org.jobwitness.server.job;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jobwitness.wire.EpilogReading;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** A report about a run, from any source. {@link JobLifecycle} decides what it changes. */
public sealed interface Evidence {
    /** By how much the clock of a sender may be ahead of the server's. */
    Duration CLOCK_TOLERANCE = Duration.ofMinutes(5);

    Identity identity();

    /** The time of the report by the sender's clock; null if the sender gave none. */
    @Nullable
    Instant at();

    /** What the run has on the reporting node; null if no single node reports. */
    default @Nullable NodeAllocation onNode() {
        return null;
    }

    JobAttributes attributes();

    /** CPUs of each node of {@code attributes().nodes()}, in that order; empty if unknown. */
    default List<Integer> cpusOfNodes() {
        return List.of();
    }

    default @Nullable String eventId() {
        return null;
    }

    /** The last figures of the reporting node. */
    default @Nullable EpilogReading reading() {
        return null;
    }

    /** A prolog ran: the run has started. */
    record Started(Identity identity, @Nullable Instant at, @Nullable NodeAllocation onNode, JobAttributes attributes,
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
    record Ended(Identity identity, @Nullable Instant at, @Nullable NodeAllocation onNode, JobAttributes attributes,
            List<Integer> cpusOfNodes, @Nullable String eventId, EndEvidence end,
            @Nullable EpilogReading reading) implements Evidence {
        public Ended {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }
    }

    /**
     * The epilog of a node that a job gave up while it ran ({@code scontrol update NodeList=}): the run goes on without it.
     *
     * @param cpusLeft CPUs of all nodes that the run keeps; null if unknown
     * @param reading the node's last figures
     */
    record NodeReleased(Identity identity, @Nullable Instant at, NodeAllocation onNode, JobAttributes attributes,
            @Nullable Integer cpusLeft, @Nullable String eventId, @Nullable EpilogReading reading)
            implements
                Evidence {
    }

    /**
     * A node's agent sees a job's cgroup. Usually the prolog has reported the job before.
     *
     * @param at when the cgroup was created, else when the agent saw it
     * @param isStart whether {@code at} is the creation time, so that it may start a run later than all known ones
     * @param oomKilled whether a process was killed because the job reached its own memory limit
     */
    record Observed(Identity identity, Instant at, boolean isStart, NodeAllocation onNode, JobAttributes attributes,
            boolean oomKilled) implements Evidence {
    }

    /**
     * The scheduler's current record of the run.
     *
     * @param state PENDING, RUNNING or a final one
     * @param reason of a final state
     * @param rawState the scheduler's own name of the state
     * @param endTime of a final state, if known
     * @param onNode what the run has on one of its nodes; there may be one report for each node
     * @param exit of a final state, if known
     * @param derivedExitCode as in {@link EndEvidence}
     * @param submittedAt when it was submitted, or put into the queue again, if known: a run that started before that is another
     */
    record Reported(Identity identity, @Nullable Instant at, JobAttributes attributes, JobState state,
            @Nullable Reason reason, String rawState, @Nullable Instant endTime, @Nullable NodeAllocation onNode,
            List<Integer> cpusOfNodes, @Nullable WaitStatus exit, @Nullable Integer derivedExitCode,
            @Nullable Instant submittedAt)
            implements
                Evidence {
        private static final Set<String> PRIORITY = Set.of("priority");

        public Reported {
            cpusOfNodes = List.copyOf(cpusOfNodes);
        }

        /** A report without nodes and exit status. */
        public Reported(Identity identity, @Nullable Instant at, JobAttributes attributes, JobState state,
                @Nullable Reason reason, String rawState, @Nullable Instant endTime) {
            this(identity, at, attributes, state, reason, rawState, endTime, null, List.of(), null, null, null);
        }

        public Reported on(NodeAllocation node) {
            return new Reported(identity, at, attributes, state, reason, rawState, endTime, node, cpusOfNodes, exit,
                    derivedExitCode, submittedAt);
        }

        /**
         * A later report of the same pending or running job: only what may have changed. The priority of a pending job
         * is left out: it grows with age, and the audit trail would keep each step.
         */
        public Reported again() {
            JobAttributes changes = attributes.changeable();
            return new Reported(identity, at, state == JobState.PENDING ? changes.without(PRIORITY) : changes, state,
                    reason, rawState, endTime, null, attributes.nodesTold() ? cpusOfNodes : List.of(), null, null,
                    submittedAt);
        }

        /** The attributes alone, of a run whose end was reported before, with a reason that may be more precise. */
        public Reported ofEnded(@Nullable Reason known) {
            return new Reported(identity, at, attributes.changeable().without(PRIORITY), state, known, rawState, null);
        }
    }

    /**
     * Neither the scheduler nor an agent knows the run any more, and no report of its end has come.
     *
     * @param at when it was last reported
     * @param eventId what shows that it is gone, for the audit trail; null if that is the caller's own report
     */
    record Lost(Identity identity, Instant at, @Nullable String eventId) implements Evidence {
        public Lost(Identity identity, Instant at) {
            this(identity, at, null);
        }

        @Override
        public JobAttributes attributes() {
            return JobAttributes.NONE;
        }
    }

    /** A job created through the API, running since {@code at}. Refused if its id is known. */
    record Created(Identity identity, Instant at, JobAttributes attributes) implements Evidence {
    }

    /**
     * A change of the newest run through the API. Refused if the run has ended, or would go back to pending.
     *
     * @param state null to keep it
     */
    record Patched(Identity identity, Instant at, @Nullable JobState state) implements Evidence {
        @Override
        public JobAttributes attributes() {
            return JobAttributes.NONE;
        }
    }
}
