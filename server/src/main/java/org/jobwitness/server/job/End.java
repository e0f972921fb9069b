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
 * @param succeeded whether a later run of the same job id is known, which a run cannot outlive
 * @param requeued whether a restart count shows that a requeue ended the run
 */
public record End(boolean seen, @Nullable Instant at, @Nullable SchedulerWord scheduler, @Nullable JobState finalState,
        @Nullable WaitStatus exit, @Nullable Integer derivedExitCode, @Nullable Integer restartCount, boolean oomKilled,
        boolean succeeded, boolean requeued) {

    static final End NOT_YET = new End(false, null, null, null, null, null, null, false, false, false);

    /**
     * A state as the scheduler tells it.
     *
     * @param reason why, for a final state
     * @param rawState Slurm's word for it
     */
    public record SchedulerWord(JobState state, @Nullable Reason reason, String rawState) {
        boolean isFinal() {
            return state.isFinal();
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

    boolean sawOom() {
        return oomKilled || (exit != null && exit.isOom())
                || (derivedExitCode != null && WaitStatus.ofRaw(derivedExitCode).isOom());
    }

    /**
     * Adds the next piece. An OOM mark takes the place of another exit status; for the rest, what came first stays.
     *
     * @param mayMoveTime whether a later time moves the end: another node of the run is speaking
     */
    End add(End said, boolean mayMoveTime, Differences differences) {
        boolean oomMark = said.exit != null && said.exit.isOom();
        return new End(seen || said.seen, time(said, mayMoveTime, differences),
                said.scheduler == null || (hasFinalWord() && !said.hasFinalWord()) ? scheduler : said.scheduler,
                differences.keep("final_state", finalState, said.finalState),
                oomMark ? said.exit : differences.keep("exit_status", exit, said.exit),
                differences.keep("derived_exit_code", derivedExitCode, said.derivedExitCode),
                differences.keep("end_restart_count", restartCount, said.restartCount), oomKilled || said.oomKilled,
                succeeded, requeued);
    }

    private @Nullable Instant time(End said, boolean mayMove, Differences differences) {
        if (at == null || said.at == null) {
            return at == null ? said.at : at;
        }
        if (said.hasFinalWord() || (!hasFinalWord() && mayMove && said.at.isAfter(at))) {
            return said.at;
        }
        return mayMove ? at : differences.keep("end_time", at, said.at);
    }

    /** An end that the scheduler or a person tells of. */
    static End told(@Nullable Instant at, @Nullable SchedulerWord word, @Nullable JobState finalState) {
        return new End(true, at, word, finalState, null, null, null, false, false, false);
    }

    End withOomKill() {
        return new End(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, true, succeeded, requeued);
    }

    End withWord(SchedulerWord word) {
        return new End(seen, at, word, finalState, exit, derivedExitCode, restartCount, oomKilled, succeeded, requeued);
    }

    /** The same piece, with the server's time if it tells none and none is known. */
    End orAt(Instant now, End known) {
        return at != null || known.at != null
                ? this
                : new End(seen, now, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled, succeeded,
                        requeued);
    }

    /** The same end, as the other runs of its job id and the restart counts explain it now. */
    End explained(boolean bySuccessor, boolean byRequeue) {
        return new End(seen, at, scheduler, finalState, exit, derivedExitCode, restartCount, oomKilled, bySuccessor,
                byRequeue);
    }
}
