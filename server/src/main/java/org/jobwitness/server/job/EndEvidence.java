package org.jobwitness.server.job;

import java.time.Instant;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * All evidence of a run's end, each piece as it was reported. {@link Outcome} is derived from it.
 *
 * @param seen whether an end was reported
 * @param at when it ended
 * @param scheduler the scheduler's last report, which decides if its state is final
 * @param finalState as a sender of events named it
 * @param exit of the batch script
 * @param derivedExitCode the highest raw wait(2) status of any step
 * @param restartCount by the epilog: already raised if a requeue ended the run
 * @param oomKilled whether a cgroup of the run counted an OOM kill
 * @param superseded whether a later run of the same job id is known; it began after this one had ended
 * @param requeued whether a restart count shows that a requeue ended the run
 */
public record EndEvidence(boolean seen, @Nullable Instant at, @Nullable SchedulerState scheduler,
        @Nullable JobState finalState, @Nullable WaitStatus exit, @Nullable Integer derivedExitCode,
        @Nullable Integer restartCount, boolean oomKilled, boolean superseded, boolean requeued) {

    public static final EndEvidence NONE = new EndEvidence(false, null, null, null, null, null, null, false, false,
            false);

    /**
     * A state as the scheduler reports it.
     *
     * @param reason of a final state; {@code LOST} is ours: the scheduler does not know the job any more
     * @param rawState Slurm's name of it; null if it never reported one
     */
    public record SchedulerState(JobState state, @Nullable Reason reason, @Nullable String rawState) {
        boolean isFinal() {
            return state.isFinal() && reason != Reason.LOST;
        }
    }

    /** Kinds of evidence for an end, weakest first. */
    enum Strength {
        NONE,
        SEEN,
        EXIT_STATUS,
        BATCH_OOM,
        FINAL_STATE,
        SCHEDULER
    }

    Strength strength() {
        if (isFinalByScheduler()) {
            return Strength.SCHEDULER;
        }
        if (finalState != null) {
            return Strength.FINAL_STATE;
        }
        if (exit != null) {
            return exit.isOom() ? Strength.BATCH_OOM : Strength.EXIT_STATUS;
        }
        return seen ? Strength.SEEN : Strength.NONE;
    }

    private boolean isFinalByScheduler() {
        return scheduler != null && scheduler.isFinal();
    }

    /** Whether all that is known of the end is that the run is gone. */
    boolean isLost() {
        return strength() == Strength.NONE && scheduler != null && scheduler.reason() == Reason.LOST;
    }

    boolean hasOom() {
        return oomKilled || (exit != null && exit.isOom())
                || (derivedExitCode != null && WaitStatus.ofRaw(derivedExitCode).isOom());
    }

    /**
     * Adds a piece of evidence. An OOM mark replaces another exit status, and the scheduler's status replaces 0:0, which
     * epilogs get for many ends; for the rest, what came first stays. Any evidence ends the state of being lost.
     *
     * @param mayMoveTime whether a later time moves the end: another node of the run reports
     */
    EndEvidence merge(EndEvidence incoming, boolean mayMoveTime, Differences differences) {
        if (isLost()) {
            return withTime(null).withScheduler(null).merge(incoming, mayMoveTime, differences);
        }
        return new EndEvidence(seen || incoming.seen, time(incoming, mayMoveTime, differences),
                incoming.scheduler == null || (isFinalByScheduler() && !incoming.isFinalByScheduler())
                        ? scheduler
                        : incoming.scheduler,
                differences.keep("final_state", finalState, incoming.finalState), exit(incoming, differences),
                differences.keep("derived_exit_code", derivedExitCode, incoming.derivedExitCode),
                differences.keep("end_restart_count", restartCount, incoming.restartCount),
                oomKilled || incoming.oomKilled, superseded, requeued);
    }

    private @Nullable WaitStatus exit(EndEvidence incoming, Differences differences) {
        if (exit == null || incoming.exit == null) {
            return exit == null ? incoming.exit : exit;
        }
        if (incoming.exit.isOom() || (incoming.isFinalByScheduler() && exit.isZero())) {
            return incoming.exit;
        }
        return isFinalByScheduler() && incoming.exit.isZero()
                ? exit
                : differences.keep("exit_status", exit, incoming.exit);
    }

    private @Nullable Instant time(EndEvidence incoming, boolean mayMove, Differences differences) {
        if (at == null || incoming.at == null) {
            return at == null ? incoming.at : at;
        }
        if (incoming.isFinalByScheduler() || (!isFinalByScheduler() && mayMove && incoming.at.isAfter(at))) {
            return incoming.at;
        }
        return mayMove ? at : differences.keep("end_time", at, incoming.at);
    }

    /** An end that is reported, with nothing known of it but its time; the rest is added by {@code with...}. */
    public static EndEvidence reported(@Nullable Instant at) {
        return new EndEvidence(true, at, NONE.scheduler, NONE.finalState, NONE.exit, NONE.derivedExitCode,
                NONE.restartCount, false, false, false);
    }

    /** The run is gone: the last report of it came {@code when}. */
    EndEvidence lost(Instant when, JobState state) {
        String rawState = scheduler == null ? null : scheduler.rawState();
        return withTime(when).withScheduler(new SchedulerState(state, Reason.LOST, rawState));
    }

    /** With the server's time, if neither this nor what is stored has one. */
    EndEvidence orAt(Instant now, EndEvidence stored) {
        return at != null || stored.at != null ? this : withTime(now);
    }

    private EndEvidence withTime(@Nullable Instant time) {
        return new EndEvidence(seen, time, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled,
                superseded, requeued);
    }

    public EndEvidence withScheduler(@Nullable SchedulerState state) {
        return new EndEvidence(seen, at, state, finalState, exit, derivedExitCode, restartCount, oomKilled, superseded,
                requeued);
    }

    public EndEvidence withFinalState(@Nullable JobState state) {
        return new EndEvidence(seen, at, scheduler, state, exit, derivedExitCode, restartCount, oomKilled, superseded,
                requeued);
    }

    public EndEvidence withExit(@Nullable WaitStatus status, @Nullable Integer derived) {
        return new EndEvidence(seen, at, scheduler, finalState, status, derived, restartCount, oomKilled, superseded,
                requeued);
    }

    public EndEvidence withRestartCount(@Nullable Integer count) {
        return new EndEvidence(seen, at, scheduler, finalState, exit, derivedExitCode, count, oomKilled, superseded,
                requeued);
    }

    public EndEvidence withOomKilled(boolean killed) {
        return new EndEvidence(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, killed, superseded,
                requeued);
    }

    EndEvidence withSuccessor(boolean isSuperseded, boolean isRequeued) {
        return new EndEvidence(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled,
                isSuperseded, isRequeued);
    }
}
