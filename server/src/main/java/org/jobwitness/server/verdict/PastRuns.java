package org.jobwitness.server.verdict;

import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.JobState;

/**
 * What a suggestion rests on: the run itself, if it has ended, and the other tasks of its job array that have.
 *
 * @param ended all of them
 * @param done those that completed beyond doubt
 */
record PastRuns(RunEvidence evidence, Thresholds thresholds, List<Task> ended, List<Task> done) {
    /** The use of a run that was stopped by a limit is a lower bound of its need: so much more is asked for. */
    static final double BEYOND_LIMIT = 1.5;
    /** A suggestion that saves less than the rest is not worth a change. */
    static final double WORTH_A_CHANGE = 0.9;

    PastRuns {
        ended = List.copyOf(ended);
        done = List.copyOf(done);
    }

    static PastRuns of(RunEvidence evidence, Thresholds thresholds) {
        Stream<Task> own = evidence.run().hasEnded() ? Stream.of(evidence.asTask()) : Stream.of();
        List<Task> ended = Stream.concat(own, evidence.otherTasks().stream()).toList();
        return new PastRuns(evidence, thresholds, ended, ended.stream().filter(Task::isDone).toList());
    }

    Run run() {
        return evidence.run();
    }

    /** Those of the tasks that were sampled often enough. */
    List<Task> measured(List<Task> tasks) {
        return tasks.stream().filter(task -> task.samples() >= thresholds.minSamples()
                && !(100 * task.coverage() < thresholds.coveragePercent())).toList();
    }

    double withMargin(double used) {
        return used * (1 + thresholds.marginPercent() / 100.0);
    }

    /** {@code 20 %}. */
    String margin() {
        return thresholds.marginPercent() + " %";
    }

    /** Why nothing smaller is suggested where no run is known to have completed. */
    String whyNoneIsDone() {
        if (run().state() != JobState.COMPLETED) {
            return "the job did not run to its end, so it might have needed more than it used.";
        }
        return evidence.oomKills() > 0
                ? "some of its processes were killed for lack of memory, so it may have done less than it should."
                : "it is not confirmed that the job finished, so no smaller value is suggested.";
    }

    /** Without a limit of 0: Slurm reads it as all memory of a node, or as no time limit. */
    static double orUnknown(double limit) {
        return limit > 0 ? limit : Double.NaN;
    }

    /** NaN if it is not known of any. */
    static double max(List<Task> tasks, ToDoubleFunction<Task> figure) {
        return tasks.stream().mapToDouble(figure).filter(Double::isFinite).max().orElse(Double.NaN);
    }
}
