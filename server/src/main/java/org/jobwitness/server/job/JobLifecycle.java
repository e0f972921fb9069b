package org.jobwitness.server.job;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a piece of evidence changes in the runs of its job. Pure: it reads what is stored and returns what is to be
 * written. Evidence is merged, never overwritten, so that a run's events lead to the same run in any order, repeated or
 * late. {@link Identity} says which run is meant; the time decides only where there is nothing better.
 */
final class JobLifecycle {
    /** How far two start times of one run may differ. */
    private static final Duration START_TOLERANCE = Duration.ofSeconds(2);

    private JobLifecycle() {
    }

    /**
     * @param stored all runs of the evidence's job id, in any order
     * @param now the server's time, for evidence without one
     */
    static Decision decide(List<Run> stored, Evidence evidence, Instant now) {
        List<Run> runs = stored.stream().sorted(Run.OLDEST_FIRST).toList();
        return switch (evidence) {
            case Evidence.Created created when !runs.isEmpty() -> refuse(created, runs.getLast());
            case Evidence.Patched patched when !runs.isEmpty() -> patch(runs, patched, now);
            case Evidence.Patched _ -> new Decision.Unknown();
            case Evidence.Lost _ when match(runs, evidence, now).isEmpty() -> new Decision.Unknown();
            default -> merge(runs, match(runs, evidence, now), evidence, now);
        };
    }

    private static Decision refuse(Evidence.Created created, Run newest) {
        return new Decision.Conflict("job " + created.identity().jobId() + " is known already; it is "
                + newest.outcome().state()
                + (newest.hasEnded() ? "; choose another id" : "; choose another id, or PATCH this one"));
    }

    private static Decision patch(List<Run> runs, Evidence.Patched patched, Instant now) {
        Run newest = runs.getLast();
        String job = "job " + patched.identity().jobId();
        if (newest.hasEnded()) {
            return new Decision.Conflict(job + " has ended and is " + newest.outcome().state()
                    + ", which is final; only stronger evidence from events may correct it");
        }
        return patched.state() == JobState.PENDING && newest.outcome().state() == JobState.RUNNING
                ? new Decision.Conflict(job + " is running and cannot go back to pending")
                : merge(runs, Optional.of(newest), patched, now);
    }

    private static Decision merge(List<Run> runs, Optional<Run> match, Evidence evidence, Instant now) {
        Differences differences = new Differences();
        Run before = match.orElseGet(() -> Run.unknown(evidence.identity(), now));
        Run merged = merge(before, evidence, now, differences);

        List<Run> all = new ArrayList<>(runs);
        match.ifPresent(all::remove);
        all.add(merged);
        List<Decision.Change> changes = markSuperseded(all);
        Run after = changes.stream().filter(change -> change.before().key() == merged.key()).findFirst()
                .map(Decision.Change::after).orElse(merged);
        List<Decision.Change> others = changes.stream().filter(change -> change.before().key() != merged.key())
                .toList();

        if (match.isEmpty()) {
            return isOfEnd(evidence) ? new Decision.Accepted(after, others) : new Decision.Created(after, others);
        }
        return isChange(before, after, evidence) || !others.isEmpty()
                ? new Decision.Updated(before, after, differences.noted(), others)
                : new Decision.Skipped(before, after, differences.noted());
    }

    private static boolean isOfEnd(Evidence evidence) {
        return switch (evidence) {
            case Evidence.Ended _, Evidence.Lost _ -> true;
            case Evidence.Reported reported -> reported.state().isFinal();
            case Evidence.Started _, Evidence.NodeReleased _, Evidence.Observed _, Evidence.Created _, Evidence.Patched _ ->
                false;
        };
    }

    /** More evidence of an end that is known is stored, but only another outcome counts as a change. */
    private static boolean isChange(Run before, Run after, Evidence evidence) {
        return evidence instanceof Evidence.Ended
                ? !after.outcome().equals(before.outcome()) || !Objects.equals(after.end().at(), before.end().at())
                        || after.end().strength().compareTo(before.end().strength()) > 0 || !before.end().seen()
                : !after.equals(before);
    }

    /** The run with the evidence in it, but without what follows from other runs. */
    private static Run merge(Run run, Evidence evidence, Instant now, Differences differences) {
        NodeAllocation reporting = isElsewhere(run, evidence) ? null : evidence.onNode();
        Run known = run.with(run.identity().merge(evidence.identity()), attributes(run, evidence, differences),
                onNode(run.onNode(), reporting, differences));
        return switch (evidence) {
            case Evidence.Started started -> known.withStart(true,
                    firstStart(known, Objects.requireNonNullElse(started.at(), now)));
            case Evidence.Ended ended -> known.withEnd(
                    run.end().merge(ended.end().orAt(now, run.end()), isFromAnotherNode(run, ended), differences));
            case Evidence.Reported reported -> mergeReported(run, known, reported, now, differences);
            case Evidence.NodeReleased _ -> known;
            case Evidence.Observed observed -> mergeObserved(known, observed);
            case Evidence.Lost lost -> run.hasEnded()
                    ? run
                    : run.withEnd(run.end().lost(lost.at(),
                            run.startTime() == null ? JobState.CANCELLED : JobState.COMPLETED));
            case Evidence.Created created -> known.withStart(true, created.at());
            case Evidence.Patched patched -> mergePatched(run, patched, differences);
        };
    }

    /** Whether an agent reads it under a name that is not in Slurm's list of its nodes: the host's name may differ. */
    private static boolean isElsewhere(Run run, Evidence evidence) {
        JobAttributes incoming = evidence.attributes();
        return evidence instanceof Evidence.Observed && !incoming.observed(run.attributes()).equals(incoming);
    }

    private static @Nullable NodeAllocation onNode(@Nullable NodeAllocation stored, @Nullable NodeAllocation incoming,
            Differences differences) {
        if (stored == null || incoming == null) {
            return stored == null ? incoming : stored;
        }
        return stored.merge(incoming, differences);
    }

    private static Instant firstStart(Run run, Instant at) {
        Instant start = run.startTime();
        boolean isKnown = run.identity().startTime() != null
                || (run.startSeen() && start != null && start.isBefore(at));
        return start != null && isKnown ? start : at;
    }

    private static boolean isFromAnotherNode(Run run, Evidence.Ended ended) {
        return ended.onNode() != null && run.end().seen() && (run.onNode() == null || !run.onNode().ended());
    }

    private static Run mergeReported(Run run, Run known, Evidence.Reported reported, Instant now,
            Differences differences) {
        Run started = known.startTime() == null && reported.state() == JobState.RUNNING
                ? known.withStart(known.startSeen(), Objects.requireNonNullElse(reported.at(), now))
                : known;
        if (isStale(run, reported)) {
            return started;
        }
        EndEvidence.SchedulerState state = new EndEvidence.SchedulerState(reported.state(), reported.reason(),
                reported.rawState());
        EndEvidence end = state.isFinal()
                ? EndEvidence.reported(reported.endTime()).withExit(reported.exit(), reported.derivedExitCode())
                        .orAt(now, run.end())
                : EndEvidence.NONE;
        return started.withEnd(run.end().merge(end.withScheduler(state), false, differences));
    }

    private static Run mergeObserved(Run known, Evidence.Observed observed) {
        boolean isStart = observed.isStart() || !known.end().seen();
        Run started = known.withStart(known.startSeen() || observed.isStart() || known.key() == 0,
                known.startTime() == null && isStart ? observed.at() : known.startTime());
        return observed.oomKilled() ? started.withEnd(started.end().withOomKilled(true)) : started;
    }

    private static Run mergePatched(Run run, Evidence.Patched patched, Differences differences) {
        JobState state = patched.state();
        if (state == null || state == run.outcome().state()) {
            return run;
        }
        return state == JobState.RUNNING
                ? run.withStart(true, patched.at())
                : run.withEnd(run.end().merge(EndEvidence.reported(patched.at()).withFinalState(state), false,
                        differences));
    }

    private static JobAttributes attributes(Run run, Evidence evidence, Differences differences) {
        JobAttributes stored = run.attributes();
        JobAttributes incoming = evidence.attributes();
        if (isStale(run, evidence)) {
            return stored.merge(incoming.without(stored.scheduler().keySet()), differences);
        }
        if (evidence instanceof Evidence.NodeReleased released) {
            return stored.shrunkTo(released.cpusLeft()).merge(incoming, differences);
        }
        if (evidence instanceof Evidence.Ended) {
            return stored.grownTo(incoming).merge(incoming, differences);
        }
        if (!(evidence instanceof Evidence.Reported reported)) {
            return stored.merge(evidence instanceof Evidence.Observed ? incoming.observed(stored) : incoming,
                    differences);
        }
        EndEvidence.SchedulerState last = run.end().scheduler();
        boolean wasPending = last != null && last.state() == JobState.PENDING && reported.state() != JobState.PENDING;
        JobAttributes sized = reported.state() == JobState.RUNNING ? stored.resizedTo(incoming) : stored;
        return (wasPending ? sized.noLongerPending() : sized).changedBy(incoming).merge(incoming, differences);
    }

    /** Whether the scheduler reports a state that the run has left: the report is late, or is repeated. */
    private static boolean isStale(Run run, Evidence evidence) {
        return evidence instanceof Evidence.Reported reported && !reported.state().isFinal()
                && ((run.hasEnded() && !run.end().isLost())
                        || (reported.state() == JobState.PENDING && run.startTime() != null));
    }

    /** A run is over, at the latest, when the next one begins; restart counts show whether a requeue ended it. */
    private static List<Decision.Change> markSuperseded(List<Run> runs) {
        List<Run> ordered = runs.stream().sorted(Run.OLDEST_FIRST).toList();
        List<Decision.Change> changes = new ArrayList<>();
        for (int i = 0; i < ordered.size(); i++) {
            Run run = ordered.get(i);
            Run next = i + 1 < ordered.size() ? ordered.get(i + 1) : null;
            Run after = run.withEnd(run.end().withSuccessor(next != null, isRequeued(run, next)));
            if (!after.equals(run)) {
                changes.add(new Decision.Change(run, after));
            }
        }
        return changes;
    }

    /** A requeue raises the restart count before the epilog of the run that it ends gets it (job_mgr.c). */
    private static boolean isRequeued(Run run, @Nullable Run next) {
        Integer own = run.attributes().restartCount();
        return isRaised(own, run.end().restartCount()) || (next != null
                && isRaised(Objects.requireNonNullElse(own, 0), next.attributes().restartCount()));
    }

    private static boolean isRaised(@Nullable Integer from, @Nullable Integer to) {
        return from != null && to != null && to > from;
    }

    /** The run that the evidence is about; empty if it is not known yet. */
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
        return startTime == null
                ? matchByTime(candidates.stream().filter(run -> !isBehind(run, evidence)).toList(), evidence, now)
                : matchByStart(candidates, startTime, evidence);
    }

    private static Optional<Run> matchByStart(List<Run> newestFirst, Instant startTime, Evidence evidence) {
        return newestFirst.stream().filter(run -> startTime.equals(run.identity().startTime())).findFirst()
                .or(() -> newestFirst.stream().filter(run -> isNearly(startTime, run.identity().startTime()))
                        .filter(run -> !isAnotherRun(run, startTime, evidence)).findFirst())
                .or(() -> newestFirst.stream().filter(run -> run.identity().startTime() == null)
                        .filter(run -> run.end().at() == null || !startTime.isAfter(run.end().at())).findFirst());
    }

    /** A node that has to boot makes slurmctld set a run's start again, after some hooks got the first one (job_mgr.c). */
    private static boolean isNearly(Instant startTime, @Nullable Instant other) {
        return other != null && Duration.between(startTime, other).abs().compareTo(START_TOLERANCE) <= 0;
    }

    /** A requeue can be as quick: then the run had ended by the other start, or has another restart count. */
    private static boolean isAnotherRun(Run run, Instant startTime, Evidence evidence) {
        Instant end = run.end().at();
        Integer own = run.attributes().restartCount();
        Integer incoming = evidence instanceof Evidence.Started started ? started.attributes().restartCount() : null;
        return (end != null && !startTime.isBefore(end)) || (own != null && incoming != null && !own.equals(incoming));
    }

    /**
     * What Slurm reports without a start is of a job in its queue, or of one that left it without a start. If it was put there
     * again, it has left the run that had begun: a requeue sets a new time of submission, and raises the restart count. A node
     * whose prolog fails may do that within the second in which the run began.
     */
    private static boolean isBehind(Run run, Evidence evidence) {
        if (!(evidence instanceof Evidence.Reported reported)) {
            return false;
        }
        Instant start = run.identity().startTime();
        Instant submitted = reported.submittedAt();
        Integer own = Objects.requireNonNullElse(run.attributes().restartCount(), 0);
        return (start != null && submitted != null && (submitted.isAfter(start)
                || (submitted.equals(start) && isRaised(own, run.end().restartCount()))))
                || (run.startTime() != null && isRaised(own, reported.attributes().restartCount()));
    }

    /**
     * Without SLUID and start time (Slurm 22.05, or a manual change): the run that was going on at that time, else the next
     * one, since the clocks of a run's nodes differ.
     */
    private static Optional<Run> matchByTime(List<Run> newestFirst, Evidence evidence, Instant now) {
        Instant at = evidence.at() == null ? now : evidence.at();
        Optional<Run> begun = newestFirst.stream()
                .filter(run -> run.startTime() == null || !run.startTime().isAfter(at)).findFirst();
        Optional<Run> next = newestFirst.reversed().stream()
                .filter(run -> run.startTime() != null && run.startTime().isAfter(at)).findFirst();
        boolean mayBeLate = evidence instanceof Evidence.Observed observed && !observed.isStart();
        return isOfEnd(evidence) || mayBeLate
                ? begun.or(() -> next)
                : begun.filter(run -> !run.hasEnded() || run.end().at() == null || !isAfterEnd(at, run, evidence)
                        || (evidence.at() == null && !run.startSeen())).or(() -> next);
    }

    /**
     * Hooks know whole seconds only, so that the cgroup of a job of a second may be younger than its end. Without a start time
     * in its hooks, Slurm does not start a job again within seconds.
     */
    private static boolean isAfterEnd(Instant at, Run run, Evidence evidence) {
        Instant end = requireNonNull(run.end().at());
        return at.isAfter(evidence instanceof Evidence.Observed ? end.plus(START_TOLERANCE) : end);
    }
}
