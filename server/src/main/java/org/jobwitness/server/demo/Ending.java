package org.jobwitness.server.demo;

import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/** How a run ends: what the scheduler reports, and the wait(2) status that the epilogs see. */
enum Ending {
    COMPLETED(JobState.COMPLETED, null, "COMPLETED", "None", 0),
    /** 253 is Slurm's mark of an OOM kill in the batch step. */
    OUT_OF_MEMORY(JobState.FAILED, Reason.OUT_OF_MEMORY, "OUT_OF_MEMORY", "OutOfMemory", 253),
    /** The epilogs of this and the next two cannot distinguish it from a success: 0:0. */
    TIMEOUT(JobState.FAILED, Reason.TIMEOUT, "TIMEOUT", "TimeLimit", 0),
    CANCELLED(JobState.CANCELLED, Reason.CANCELLED_BY_USER, "CANCELLED", "None", 0),
    REQUEUED(JobState.CANCELLED, Reason.REQUEUED, "REQUEUED", "None", 0),
    EXIT_CODE_3(JobState.FAILED, Reason.EXIT_CODE, "FAILED", "NonZeroExitCode", 3 << 8),
    /** Signal 11, with a core dump (0x80). */
    SEGFAULT(JobState.FAILED, Reason.SIGNAL, "FAILED", "RaisedSignal:11(Segmentation_fault)", 0x80 | 11),
    /** No epilog runs. */
    NODE_FAILURE(JobState.FAILED, Reason.NODE_FAILURE, "NODE_FAIL", "NodeDown", null);

    final JobState state;
    final @Nullable Reason reason;
    /** Slurm's state. */
    final String rawState;
    /** Slurm's reason. */
    final String stateReason;
    final @Nullable Integer waitStatus;

    Ending(JobState state, @Nullable Reason reason, String rawState, String stateReason, @Nullable Integer waitStatus) {
        this.state = state;
        this.reason = reason;
        this.rawState = rawState;
        this.stateReason = stateReason;
        this.waitStatus = waitStatus;
    }
}
