package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a run, as far as it shows whether Slurm's record has more.
 *
 * @param start Slurm's own
 * @param rawState as Slurm reported it last
 * @param hasEnd whether that is a final state
 * @param reason the one that came with it
 * @param lastReportAt the last report of anything about it, also from an agent
 * @param deadline when its time limit ends it
 */
record KnownRun(String jobId, @Nullable Instant start, JobState state, @Nullable String rawState, boolean hasEnd,
        @Nullable Reason reason, Instant lastReportAt, @Nullable Instant deadline) {
    private static final Set<Reason> CANCELLED_BY = EnumSet.of(Reason.CANCELLED_BY_USER, Reason.CANCELLED_BY_ADMIN);
    private static final Duration TOLERANCE = Duration.ofSeconds(2);

    /** Whether slurmctld has more of the job than is known. This is the newest run of its id. */
    boolean isBehind(SlurmState listed) {
        SlurmState.Meaning meaning = listed.meaning().orElse(null);
        if (meaning == null) {
            return false;
        }
        boolean isOther = !listed.raw().equals(rawState);
        if (state.isFinal() && meaning.state() == JobState.RUNNING) {
            return isOther && !listed.isCompleting(); // then its end is still to come
        }
        return isOther && !(hasEnd && meaning.state().isFinal());
    }

    /**
     * Whether it is the run with this end, and the end is known already. After a restart, slurmctld sends some ends to slurmdbd
     * again, but no longer who cancelled the job.
     */
    boolean hasEnd(@Nullable Instant started, String raw, @Nullable Reason why) {
        boolean isPreciser = why == Reason.CANCELLED && CANCELLED_BY.contains(reason);
        return hasEnd && startedAt(started) && raw.equals(rawState)
                && (why == reason || why == Reason.UNKNOWN || isPreciser);
    }

    /** Whether its time limit, as far as it is known, has passed. */
    boolean isPastDeadline(Instant now) {
        return deadline != null && deadline.isBefore(now);
    }

    /** Whether it is the one of its job's runs that started then, by Slurm's clock. */
    boolean startedAt(@Nullable Instant other) {
        if (start == null || other == null) {
            return start == null && other == null;
        }
        return Duration.between(start, other).abs().compareTo(TOLERANCE) <= 0;
    }
}
