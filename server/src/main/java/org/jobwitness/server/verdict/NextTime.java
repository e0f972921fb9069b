package org.jobwitness.server.verdict;

import java.util.List;
import java.util.Locale;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.Verdict.Unit;

/** {@code --time}: from the longest time that a completed run took. */
final class NextTime {
    private static final int MINUTE = 60;
    private static final int HOUR = 3600;
    private static final int DAY = 86_400;

    private NextTime() {
    }

    static Suggestion suggest(PastRuns runs) {
        double limit = PastRuns.orUnknown(PastRuns.max(runs.ended(), Task::timeLimitSeconds));
        List<Task> outOfTime = runs.ended().stream().filter(Task::isOutOfTime).toList();
        return outOfTime.isEmpty() ? byLongest(runs, limit) : afterTimeLimit(outOfTime, limit);
    }

    private static Suggestion afterTimeLimit(List<Task> outOfTime, double limit) {
        if (outOfTime.stream().allMatch(Task::hadTimeLeft)) {
            return note("it was stopped at a time limit, but it ran for " + Phrases.time(PastRuns.max(outOfTime,
                    Task::seconds)) + " of " + Phrases.time(limit)
                    + ". The two do not fit, so nothing is suggested.");
        }
        double known = PastRuns.max(outOfTime, task -> Math.max(task.seconds(),
                Double.isNaN(task.timeLimitSeconds()) ? 0 : task.timeLimitSeconds()));
        return known > 0
                ? option(known * PastRuns.BEYOND_LIMIT, limit, "It reached its time limit after "
                        + Phrases.time(known)
                        + ". How long it really needs is not known; this is 50 % more. A partition may not allow as much (sinfo -o '%P %l').")
                : Suggestion.NONE;
    }

    private static Suggestion byLongest(PastRuns runs, double limit) {
        if (runs.done().isEmpty()) {
            return note(runs.whyNoneIsDone());
        }
        double longest = PastRuns.max(runs.done(), Task::seconds);
        if (Double.isNaN(longest)) {
            return note("its run time is not known.");
        }
        double ask = runs.withMargin(longest);
        if (rounded(ask) > PastRuns.WORTH_A_CHANGE * limit) {
            return note("no change; it ran for " + Phrases.time(longest) + " of " + Phrases.time(limit) + ".");
        }
        return option(ask, limit, (runs.done().size() > 1 ? "The longest run took " : "It ran for ")
                + Phrases.time(longest) + "; " + runs.margin() + " added.");
    }

    private static Suggestion note(String text) {
        return Suggestion.note("--time: " + text);
    }

    private static Suggestion option(double seconds, double before, String why) {
        double ask = rounded(seconds);
        return Suggestion.option("--time", inSlurmForm(ask), ask, Unit.SECONDS,
                Double.isNaN(before) ? null : inSlurmForm(before), why);
    }

    /** Up to what people would write, and at least one step: Slurm reads 0 as no limit. */
    private static double rounded(double seconds) {
        int step = 6 * HOUR;
        if (seconds < HOUR) {
            step = 5 * MINUTE;
        } else if (seconds < 12 * HOUR) {
            step = 15 * MINUTE;
        } else if (seconds < 2 * DAY) {
            step = HOUR;
        }
        return Math.max(1, Math.ceil(seconds / step)) * step;
    }

    /** {@code 1-06:00:00}, {@code 04:30:00}. */
    private static String inSlurmForm(double seconds) {
        long whole = (long) Math.ceil(seconds);
        long days = whole / DAY;
        return (days == 0 ? "" : days + "-")
                + String.format(Locale.ROOT, "%02d:%02d:%02d", whole % DAY / HOUR, whole % HOUR / MINUTE,
                        whole % MINUTE);
    }
}
