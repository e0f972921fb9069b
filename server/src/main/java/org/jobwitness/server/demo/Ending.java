package org.jobwitness.server.demo;

import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** How a run ends: what the scheduler says of it, and what its nodes see. */
enum Ending {
    COMPLETED(JobState.COMPLETED, null, "COMPLETED", "None", 0),
    /** Slurm's mark of an OOM kill in the batch step. */
    OUT_OF_MEMORY(JobState.FAILED, Reason.OUT_OF_MEMORY, "OUT_OF_MEMORY", "OutOfMemory", 253),
    /** The epilogs of this and the next two cannot tell it from a success: 0:0. */
    TIMEOUT(JobState.FAILED, Reason.TIMEOUT, "TIMEOUT", "TimeLimit", 0),
    CANCELLED(JobState.CANCELLED, Reason.CANCELLED_BY_USER, "CANCELLED", "None", 0),
    REQUEUED(JobState.CANCELLED, Reason.REQUEUED, "REQUEUED", "None", 0),
    EXIT_CODE_3(JobState.FAILED, Reason.EXIT_CODE, "FAILED", "NonZeroExitCode", 3 << 8),
    /** Signal 11, and a core was dumped (0x80). */
    SEGFAULT(JobState.FAILED, Reason.SIGNAL, "FAILED", "RaisedSignal:11(Segmentation_fault)", 0x80 | 11),
    NODE_FAILURE(JobState.FAILED, Reason.NODE_FAILURE, "NODE_FAIL", "NodeDown", null);

    private final JobState state;
    private final @Nullable Reason reason;
    private final String rawState;
    private final String stateReason;
    private final @Nullable Integer rawStatus;

    Ending(JobState state, @Nullable Reason reason, String rawState, String stateReason, @Nullable Integer rawStatus) {
        this.state = state;
        this.reason = reason;
        this.rawState = rawState;
        this.stateReason = stateReason;
        this.rawStatus = rawStatus;
    }

    JobState state() {
        return state;
    }

    @Nullable
    Reason reason() {
        return reason;
    }

    /** Slurm's word for the state. */
    String rawState() {
        return rawState;
    }

    /** Slurm's word for the reason. */
    String stateReason() {
        return stateReason;
    }

    /** The wait(2) status that the epilogs see; null if none of them runs. */
    @Nullable
    Integer rawStatus() {
        return rawStatus;
    }
}
