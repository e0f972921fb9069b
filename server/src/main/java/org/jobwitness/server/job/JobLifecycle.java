package org.jobwitness.server.job;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a piece of evidence means for the runs of its job. Pure: it reads what is known and answers what is to be
 * written. Evidence is added up, never overwritten, so that any order, repetition or delay of a run's events comes to
 * the same run; which run is meant is told by {@link Identity}, and by time only where there is nothing better.
 */
final class JobLifecycle {
    /** By so much two starts of one run may differ. */
    private static final Duration SAME_START = Duration.ofSeconds(2);

    private JobLifecycle() {
    }

    /**
     * @param known all runs of the evidence's job id, in any order
     * @param now the server's time, for evidence that tells none
     */
    static Decision decide(List<Run> known, Evidence evidence, Instant now) {
        List<Run> runs = known.stream().sorted(Run.OLDEST_FIRST).toList();
        return switch (evidence) {
            case Evidence.Declared _ when !runs.isEmpty() -> new Decision.Conflict("job " + evidence.identity().jobId()
                    + " is known already; it is " + runs.getLast().outcome().state()
                    + (runs.getLast().hasEnded() ? "; choose another id" : "; choose another id, or PATCH this one"));
            case Evidence.Amended _ when runs.isEmpty() -> new Decision.Unknown();
            case Evidence.Lost _ when match(runs, evidence, now).isEmpty() -> new Decision.Unknown();
            case Evidence.Amended amended when runs.getLast().hasEnded() -> new Decision.Conflict("job "
                    + amended.identity().jobId() + " has ended and is " + runs.getLast().outcome().state()
                    + ", which is final; only stronger evidence of its end, told by events, may correct it");
            case Evidence.Amended amended when amended.state() == JobState.PENDING
                    && runs.getLast().outcome().state() == JobState.RUNNING ->
                new Decision.Conflict(
                        "job " + amended.identity().jobId() + " is running and cannot go back to pending");
            case Evidence.Amended _ -> weigh(runs, Optional.of(runs.getLast()), evidence, now);
            default -> weigh(runs, match(runs, evidence, now), evidence, now);
        };
    }

    private static Decision weigh(List<Run> runs, Optional<Run> match, Evidence evidence, Instant now) {
        Differences differences = new Differences();
        Run before = match.orElseGet(() -> new Run(0, now, evidence.identity(), false, null,
                JobAttributes.NOTHING, EndEvidence.NOT_YET, null));
        Run merged = merge(before, evidence, now, differences);

        List<Run> all = new ArrayList<>(runs);
        match.ifPresent(all::remove);
        all.add(merged);
        List<Decision.Change> changes = explain(all);
        Run after = changes.stream().filter(c -> c.before().key() == merged.key()).findFirst()
                .map(Decision.Change::after)
                .orElse(merged);
        List<Decision.Change> others = changes.stream().filter(c -> c.before().key() != merged.key()).toList();

        if (match.isEmpty()) {
            return tellsOfAnEnd(evidence)
                    ? new Decision.Accepted(after, others)
                    : new Decision.Created(after, others);
        }
        boolean counts = countsAsChange(before, after, evidence);
        return counts || !others.isEmpty()
                ? new Decision.Updated(before, after, differences.said(), others)
                : new Decision.Skipped(before, after, differences.said());
    }

    private static boolean tellsOfAnEnd(Evidence evidence) {
        return switch (evidence) {
            case Evidence.Ended _,Evidence.Lost _ -> true;
            case Evidence.Reported reported -> reported.state().isFinal();
            case Evidence.Started _,Evidence.Observed _,Evidence.Declared _,Evidence.Amended _ -> false;
        };
    }

    /** After an end, more of the same evidence is kept but only a different outcome is news. */
    private static boolean countsAsChange(Run before, Run after, Evidence evidence) {
        return switch (evidence) {
            case Evidence.Started _,Evidence.Observed _,Evidence.Reported _,Evidence.Lost _,Evidence.Declared _,Evidence.Amended _ ->
                !after.equals(before);
            case Evidence.Ended _ -> !after.outcome().equals(before.outcome())
                    || !Objects.equals(after.end().at(), before.end().at())
                    || after.end().strength().compareTo(before.end().strength()) > 0
                    || !before.end().seen();
        };
    }

    private static Run merge(Run run, Evidence evidence, Instant now, Differences differences) {
        Identity identity = run.identity().alias(evidence.identity());
        JobAttributes about = about(run, evidence, differences);
        NodeAllocation said = evidence.onNode();
        NodeAllocation here = said == null ? run.here() : run.here() == null ? said : run.here().add(said, differences);
        return switch (evidence) {
            case Evidence.Started started -> {
                Instant at = started.at() == null ? now : started.at();
                Instant start = identity.startTime() != null
                        ? identity.startTime()
                        : run.startSeen() && run.startTime() != null && run.startTime().isBefore(at)
                                ? run.startTime()
                                : at;
                yield new Run(run.key(), run.recordedAt(), identity, true, start, about, run.end(), here);
            }
            case Evidence.Ended ended -> {
                boolean anotherNode = said != null && run.end().seen() && (run.here() == null || !run.here().ended());
                EndEvidence end = run.end().add(ended.end().orAt(now, run.end()), anotherNode, differences);
                Instant start = identity.startTime() != null ? identity.startTime() : run.startTime();
                yield new Run(run.key(), run.recordedAt(), identity, run.startSeen(), start, about, end, here);
            }
            case Evidence.Reported reported -> {
                Instant begun = identity.startTime() != null ? identity.startTime() : run.startTime();
                Instant start = begun == null && reported.state() == JobState.RUNNING
                        ? Objects.requireNonNullElse(reported.at(), now)
                        : begun;
                EndEvidence.SchedulerWord word = new EndEvidence.SchedulerWord(reported.state(), reported.reason(),
                        reported.rawState());
                if (isStale(run, evidence)) {
                    yield new Run(run.key(), run.recordedAt(), identity, run.startSeen(), start, about, run.end(),
                            here);
                }
                EndEvidence end = word.isFinal()
                        ? EndEvidence.told(reported.endTime(), word, reported.exit(), reported.derivedExitCode())
                                .orAt(now, run.end())
                        : EndEvidence.NOT_YET.withWord(word);
                yield new Run(run.key(), run.recordedAt(), identity, run.startSeen(), start, about,
                        run.end().add(end, false, differences), here);
            }
            case Evidence.Observed observed -> {
                Instant begun = identity.startTime() != null ? identity.startTime() : run.startTime();
                Instant start = begun == null && !(run.end().seen() && !observed.isBeginning()) ? observed.at() : begun;
                yield new Run(run.key(), run.recordedAt(), identity, run.startSeen() || observed.isBeginning()
                        || run.key() == 0, start, about, observed.oomKilled() ? run.end().withOomKill() : run.end(),
                        here);
            }
            case Evidence.Lost lost -> run.hasEnded()
                    ? run
                    : run.withEnd(run.end().lost(lost.at(),
                            run.startTime() == null ? JobState.CANCELLED : JobState.COMPLETED));
            case Evidence.Declared declared ->
                new Run(run.key(), run.recordedAt(), identity, true, declared.at(), about, run.end(), here);
            case Evidence.Amended amended -> amend(run, amended, differences);
        };
    }

    private static JobAttributes about(Run run, Evidence evidence, Differences differences) {
        JobAttributes known = run.about();
        JobAttributes said = evidence.about();
        if (isStale(run, evidence)) {
            return known.add(said.without(known.scheduler().keySet()), differences);
        }
        if (!(evidence instanceof Evidence.Reported reported)) {
            return known.add(said, differences);
        }
        EndEvidence.SchedulerWord last = run.end().scheduler();
        boolean hasWaited = last != null && last.state() == JobState.PENDING && reported.state() != JobState.PENDING;
        return (hasWaited ? known.noLongerWaiting() : known).changedTo(said).add(said, differences);
    }

    /** The scheduler's word of a state that the run has left: its way there is told late, or again. */
    private static boolean isStale(Run run, Evidence evidence) {
        return evidence instanceof Evidence.Reported reported && !reported.state().isFinal()
                && ((run.hasEnded() && !run.end().isLost())
                        || (reported.state() == JobState.PENDING && run.startTime() != null));
    }

    private static Run amend(Run run, Evidence.Amended amended, Differences differences) {
        JobState state = amended.state();
        if (state == null || state == run.outcome().state()) {
            return run;
        }
        boolean begins = state == JobState.RUNNING;
        return new Run(run.key(), run.recordedAt(), run.identity(), run.startSeen() || begins,
                begins ? amended.at() : run.startTime(), run.about(),
                begins ? run.end() : run.end().add(EndEvidence.told(amended.at(), state), false, differences),
                run.here());
    }

    /** What each run's neighbours and restart counts tell: it is over, at the latest, when the next one begins. */
    private static List<Decision.Change> explain(List<Run> runs) {
        List<Run> ordered = runs.stream().sorted(Run.OLDEST_FIRST).toList();
        List<Decision.Change> changes = new ArrayList<>();
        for (int i = 0; i < ordered.size(); i++) {
            Run run = ordered.get(i);
            Run next = i + 1 < ordered.size() ? ordered.get(i + 1) : null;
            Run after = run.withEnd(run.end().explained(next != null, isRequeued(run, next)));
            if (!after.equals(run)) {
                changes.add(new Decision.Change(run, after));
            }
        }
        return changes;
    }

    /** A requeue raises the restart count before the epilog of the run that it ends is told of it (job_mgr.c). */
    private static boolean isRequeued(Run run, @Nullable Run next) {
        Integer own = run.about().restartCount();
        return isRaised(own, run.end().restartCount())
                || (next != null && isRaised(own == null ? Integer.valueOf(0) : own, next.about().restartCount()));
    }

    private static boolean isRaised(@Nullable Integer from, @Nullable Integer to) {
        return from != null && to != null && to > from;
    }

    /** The run that the evidence speaks of; none if it is one that is not known yet. */
    private static Optional<Run> match(List<Run> oldestFirst, Evidence evidence, Instant now) {
        List<Run> runs = oldestFirst.reversed();
        String sluid = evidence.identity().sluid();
        Instant startTime = evidence.identity().startTime();
        if (sluid != null) {
            Optional<Run> same = runs.stream().filter(run -> sluid.equals(run.identity().sluid())).findFirst();
            if (same.isPresent()) {
                return same;
            }
        }
        List<Run> candidates = sluid == null
                ? runs
                : runs.stream().filter(run -> run.identity().sluid() == null).toList();
        if (startTime != null) {
            return candidates.stream().filter(run -> startTime.equals(run.identity().startTime())).findFirst()
                    .or(() -> candidates.stream().filter(run -> isNearly(startTime, run.identity().startTime()))
                            .filter(run -> !isAnotherRun(run, startTime, evidence)).findFirst())
                    .or(() -> candidates.stream().filter(run -> run.identity().startTime() == null)
                            .filter(run -> run.end().at() == null || !startTime.isAfter(run.end().at())).findFirst());
        }
        return byTime(candidates.stream().filter(run -> !isBehind(run, evidence)).toList(), evidence, now);
    }

    /** A node that has to boot makes slurmctld set a run's start anew, while some have been told of it (job_mgr.c). */
    private static boolean isNearly(Instant startTime, @Nullable Instant other) {
        return other != null && Duration.between(startTime, other).abs().compareTo(SAME_START) <= 0;
    }

    /** A requeue can be that quick, too: then the run had ended by the other start, or has another restart count at its own. */
    private static boolean isAnotherRun(Run run, Instant startTime, Evidence evidence) {
        Instant end = run.end().at();
        Integer own = run.about().restartCount();
        Integer said = evidence instanceof Evidence.Started started ? started.about().restartCount() : null;
        return (end != null && !startTime.isBefore(end)) || (own != null && said != null && !own.equals(said));
    }

    /** A job that waits again has left the run that it had begun: a requeue raises its restart count. */
    private static boolean isBehind(Run run, Evidence evidence) {
        Integer own = run.about().restartCount();
        return evidence instanceof Evidence.Reported reported && reported.state() == JobState.PENDING
                && run.startTime() != null
                && isRaised(own == null ? Integer.valueOf(0) : own, reported.about().restartCount());
    }

    /**
     * Where neither SLUID nor start time is said (Slurm 22.05, or a person): the run whose time it falls into, else the
     * one that begins next, since the clocks of a run's nodes differ.
     */
    private static Optional<Run> byTime(List<Run> newestFirst, Evidence evidence, Instant now) {
        Instant at = evidence.at() == null ? now : evidence.at();
        Optional<Run> begun = newestFirst.stream()
                .filter(run -> run.startTime() == null || !run.startTime().isAfter(at)).findFirst();
        Optional<Run> next = newestFirst.reversed().stream()
                .filter(run -> run.startTime() != null && run.startTime().isAfter(at)).findFirst();
        boolean mayBeLate = evidence instanceof Evidence.Observed observed && !observed.isBeginning();
        return tellsOfAnEnd(evidence) || mayBeLate
                ? begun.or(() -> next)
                : begun.filter(run -> !run.hasEnded() || run.end().at() == null
                        || !at.isAfter(run.end().at()) || (evidence.at() == null && !run.startSeen())).or(() -> next);
    }
}
