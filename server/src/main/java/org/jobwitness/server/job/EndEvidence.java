package org.jobwitness.server.job;

import java.time.Instant;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Everything that speaks for a run's end, each piece kept as it was said. {@link Outcome} makes one truth of it.
 *
 * @param seen whether anyone said that the run ended
 * @param at when it ended
 * @param scheduler the scheduler's last word, which stands if it is a final state
 * @param finalState the state that a sender named
 * @param exit how the batch script ended
 * @param derivedExitCode the highest raw wait(2) status of any step
 * @param restartCount as the epilog said it: already raised if a requeue ended the run
 * @param oomKilled whether a cgroup of the run counted an OOM kill
 * @param superseded whether a later run of the same job id is known, which a run cannot outlive
 * @param requeued whether a restart count shows that a requeue ended the run
 */
public record EndEvidence(boolean seen, @Nullable Instant at, @Nullable SchedulerWord scheduler,
        @Nullable JobState finalState,
        @Nullable WaitStatus exit, @Nullable Integer derivedExitCode, @Nullable Integer restartCount, boolean oomKilled,
        boolean superseded, boolean requeued) {

    static final EndEvidence NOT_YET = new EndEvidence(false, null, null, null, null, null, null, false, false, false);

    /**
     * A state as the scheduler tells it.
     *
     * @param reason why, for a final state; that a run is lost is no word of the scheduler, but that it has none
     * @param rawState Slurm's word for it; null if it never said one
     */
    public record SchedulerWord(JobState state, @Nullable Reason reason, @Nullable String rawState) {
        boolean isFinal() {
            return state.isFinal() && reason != Reason.LOST;
        }
    }

    /** What speaks for an end, weakest first. */
    enum Strength {
        NONE,
        SEEN,
        EXIT_STATUS,
        BATCH_OOM,
        FINAL_STATE,
        SCHEDULER
    }

    Strength strength() {
        if (hasFinalWord()) {
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

    private boolean hasFinalWord() {
        return scheduler != null && scheduler.isFinal();
    }

    /** Whether nobody can say more of the end than that the run is gone. */
    boolean isLost() {
        return strength() == Strength.NONE && scheduler != null && scheduler.reason() == Reason.LOST;
    }

    boolean sawOom() {
        return oomKilled || (exit != null && exit.isOom())
                || (derivedExitCode != null && WaitStatus.ofRaw(derivedExitCode).isOom());
    }

    /**
     * Adds the next piece. An OOM mark takes the place of another exit status, and the scheduler's takes that of 0:0, which an
     * epilog is told of many ends; for the rest, what came first stays. Whoever knows anything of a lost run, finds it.
     *
     * @param mayMoveTime whether a later time moves the end: another node of the run is speaking
     */
    EndEvidence add(EndEvidence said, boolean mayMoveTime, Differences differences) {
        if (isLost()) {
            return found().add(said, mayMoveTime, differences);
        }
        return new EndEvidence(seen || said.seen, time(said, mayMoveTime, differences),
                said.scheduler == null || (hasFinalWord() && !said.hasFinalWord()) ? scheduler : said.scheduler,
                differences.keep("final_state", finalState, said.finalState),
                exit(said, differences),
                differences.keep("derived_exit_code", derivedExitCode, said.derivedExitCode),
                differences.keep("end_restart_count", restartCount, said.restartCount), oomKilled || said.oomKilled,
                superseded, requeued);
    }

    private @Nullable WaitStatus exit(EndEvidence said, Differences differences) {
        if (exit == null || said.exit == null) {
            return exit == null ? said.exit : exit;
        }
        if (said.exit.isOom() || (said.hasFinalWord() && exit.isZero())) {
            return said.exit;
        }
        return hasFinalWord() && said.exit.isZero() ? exit : differences.keep("exit_status", exit, said.exit);
    }

    private @Nullable Instant time(EndEvidence said, boolean mayMove, Differences differences) {
        if (at == null || said.at == null) {
            return at == null ? said.at : at;
        }
        if (said.hasFinalWord() || (!hasFinalWord() && mayMove && said.at.isAfter(at))) {
            return said.at;
        }
        return mayMove ? at : differences.keep("end_time", at, said.at);
    }

    /** An end that a person tells of. */
    static EndEvidence told(@Nullable Instant at, JobState finalState) {
        return new EndEvidence(true, at, null, finalState, null, null, null, false, false, false);
    }

    /** What the scheduler tells of an end. */
    static EndEvidence told(@Nullable Instant at, SchedulerWord word, @Nullable WaitStatus exit,
            @Nullable Integer derivedExitCode) {
        return new EndEvidence(true, at, word, null, exit, derivedExitCode, null, false, false, false);
    }

    /** The run is gone: since {@code at} nobody has heard of it. */
    EndEvidence lost(Instant at, JobState state) {
        String rawState = scheduler == null ? null : scheduler.rawState();
        return new EndEvidence(seen, at, new SchedulerWord(state, Reason.LOST, rawState), finalState, exit,
                derivedExitCode,
                restartCount, oomKilled, superseded, requeued);
    }

    private EndEvidence found() {
        return new EndEvidence(seen, null, null, finalState, exit, derivedExitCode, restartCount, oomKilled, superseded,
                requeued);
    }

    EndEvidence withOomKill() {
        return new EndEvidence(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, true, superseded,
                requeued);
    }

    EndEvidence withWord(SchedulerWord word) {
        return new EndEvidence(seen, at, word, finalState, exit, derivedExitCode, restartCount, oomKilled, superseded,
                requeued);
    }

    /** The same piece, with the server's time if it tells none and none is known. */
    EndEvidence orAt(Instant now, EndEvidence known) {
        return at != null || known.at != null
                ? this
                : new EndEvidence(seen, now, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled,
                        superseded,
                        requeued);
    }

    /** The same end, as the other runs of its job id and the restart counts explain it now. */
    EndEvidence explained(boolean bySuccessor, boolean byRequeue) {
        return new EndEvidence(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled,
                bySuccessor,
                byRequeue);
    }
}
