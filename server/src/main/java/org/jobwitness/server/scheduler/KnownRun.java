package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * What has been learned of a run, as far as it says whether Slurm has more to tell.
 *
 * @param start Slurm's own
 * @param rawState the scheduler's last word
 * @param told whether that is a final one
 * @param reason the one that came with it
 * @param heardAt when anybody heard of it last, an agent among them
 * @param deadline when its time limit ends it
 */
record KnownRun(String jobId, @Nullable Instant start, JobState state, @Nullable String rawState, boolean told,
        @Nullable Reason reason, Instant heardAt, @Nullable Instant deadline) {
    private static final Set<Reason> WITH_WHOM = EnumSet.of(Reason.CANCELLED_BY_USER, Reason.CANCELLED_BY_ADMIN);
    private static final Duration NEARLY = Duration.ofSeconds(2);

    /** Whether slurmctld has something to tell of the job that is not known. This is the newest run of its id. */
    boolean isBehind(SlurmState listed) {
        SlurmState.Meaning meaning = listed.meaning().orElse(null);
        if (meaning == null) {
            return false;
        }
        boolean isOther = !listed.raw().equals(rawState);
        if (state.isFinal() && meaning.state() == JobState.RUNNING) {
            return isOther && !listed.isCompleting(); // then its final word is to come
        }
        return isOther && !(told && meaning.state().isFinal());
    }

    /**
     * Whether it is the run that ended so, and this is known already. After slurmctld was restarted, slurmdbd is told of some
     * ends again, and then does not know any more who cancelled the job.
     */
    boolean hasHeard(@Nullable Instant started, String raw, @Nullable Reason why) {
        boolean isPreciser = why == Reason.CANCELLED && WITH_WHOM.contains(reason);
        return told && began(started) && raw.equals(rawState)
                && (why == reason || why == Reason.UNKNOWN || isPreciser);
    }

    /** Whether its time limit, as far as it is known, has passed. */
    boolean isOver(Instant now) {
        return deadline != null && deadline.isBefore(now);
    }

    /** Whether it is the one of its job's runs that began then, by Slurm's clock. */
    boolean began(@Nullable Instant other) {
        if (start == null || other == null) {
            return start == null && other == null;
        }
        return Duration.between(start, other).abs().compareTo(NEARLY) <= 0;
    }
}
