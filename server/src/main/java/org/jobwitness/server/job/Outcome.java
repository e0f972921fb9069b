package org.jobwitness.server.job;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * State and reason of a run, and whether they are confirmed: derived from all evidence of the run, whatever the order in
 * which it came.
 *
 * @param reason null for a run that is pending or running, and for a confirmed success
 * @param confirmed null for a run that is pending or running
 */
public record Outcome(JobState state, @Nullable Reason reason, @Nullable Boolean confirmed) {
    private static final int SIGHUP = 1;
    private static final int SIGKILL = 9;
    private static final int SIGTERM = 15;
    private static final WaitStatus UNKNOWN_EXIT = new WaitStatus(0, 0);
    private static final Outcome RUNNING = new Outcome(JobState.RUNNING, null, null);

    static Outcome of(JobAttributes attributes, EndEvidence end) {
        return switch (end.strength()) {
            case NONE -> end.superseded() ? superseded(end) : end.isLost() ? lost(end) : RUNNING;
            case SEEN, EXIT_STATUS -> byExitStatus(attributes, end);
            case BATCH_OOM -> new Outcome(JobState.FAILED, Reason.OUT_OF_MEMORY, true);
            case FINAL_STATE -> byFinalState(end, requireNonNull(end.finalState()));
            case SCHEDULER -> byScheduler(end, requireNonNull(end.scheduler()));
        };
    }

    /** A later run of the job id exists, and no end of this one was reported. */
    private static Outcome superseded(EndEvidence end) {
        return end.requeued()
                ? new Outcome(JobState.CANCELLED, Reason.REQUEUED, false)
                : new Outcome(JobState.COMPLETED, Reason.LOST, false);
    }

    private static Outcome lost(EndEvidence end) {
        return new Outcome(requireNonNull(end.scheduler()).state(), Reason.LOST, false);
    }

    /**
     * Slurm's epilog gets 0:0 alike for success, scancel, a time limit and a requeue, and 0:1 after a node failure
     * (slurmctld/job_mgr.c): only another exit status certainly is the job's own.
     */
    private static Outcome byExitStatus(JobAttributes attributes, EndEvidence end) {
        WaitStatus exit = end.exit() == null ? UNKNOWN_EXIT : end.exit();
        boolean stopped = exit.signal() == SIGKILL || exit.signal() == SIGTERM;
        if (!exit.isZero() && !stopped && exit.signal() != SIGHUP) {
            return new Outcome(JobState.FAILED, failure(end), true);
        }
        if (end.requeued()) {
            return new Outcome(JobState.CANCELLED, Reason.REQUEUED, false);
        }
        if (exit.signal() == SIGHUP) {
            return new Outcome(JobState.FAILED, failure(end), false);
        }
        if (isReached(attributes.deadline(), end.at())) {
            return new Outcome(JobState.FAILED, Reason.TIMEOUT, false);
        }
        return stopped
                ? new Outcome(JobState.CANCELLED, Reason.SIGNAL, false)
                : new Outcome(JobState.COMPLETED, Reason.UNKNOWN, false);
    }

    private static boolean isReached(@Nullable Instant deadline, @Nullable Instant end) {
        return deadline != null && end != null && !end.isBefore(deadline);
    }

    private static Outcome byFinalState(EndEvidence end, JobState state) {
        return switch (state) {
            case COMPLETED -> new Outcome(state, null, true);
            case CANCELLED -> new Outcome(state, Reason.CANCELLED, true);
            case FAILED -> new Outcome(state, failure(end), true);
            case PENDING, RUNNING -> throw new IllegalStateException(state + " is not a final state");
        };
    }

    private static Outcome byScheduler(EndEvidence end, EndEvidence.SchedulerState reported) {
        if (reported.reason() == Reason.NODE_FAILURE && end.requeued()) {
            return new Outcome(JobState.CANCELLED, Reason.NODE_FAILURE, true); // the job continues in another run
        }
        boolean oomIsTheCause = reported.state() == JobState.FAILED && end.hasOom()
                && (reported.reason() == null || reported.reason() == Reason.EXIT_CODE
                        || reported.reason() == Reason.SIGNAL);
        return new Outcome(reported.state(), oomIsTheCause ? Reason.OUT_OF_MEMORY : reported.reason(), true);
    }

    private static Reason failure(EndEvidence end) {
        if (end.hasOom()) {
            return Reason.OUT_OF_MEMORY;
        }
        if (end.exit() == null || end.exit().isZero()) {
            return Reason.UNKNOWN;
        }
        return end.exit().signal() != 0 ? Reason.SIGNAL : Reason.EXIT_CODE;
    }
}
