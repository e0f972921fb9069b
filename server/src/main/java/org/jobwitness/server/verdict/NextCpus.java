package org.jobwitness.server.verdict;

import java.util.List;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.Verdict.Unit;

/** {@code --cpus-per-task}: from the most CPUs that were busy in any sample. */
final class NextCpus {
    /** So much of a CPU is lost in measuring: a sample's interval is not exact. */
    private static final double CPU_NOISE = 0.05;

    private NextCpus() {
    }

    static Suggestion suggest(PastRuns runs) {
        List<Task> measured = runs.measured(runs.done());
        double busy = PastRuns.max(measured, Task::cpusUsedAtMost);
        RunEvidence.Terms terms = runs.run().terms();
        double had = PastRuns.max(measured, Task::cpus) * runs.run().askedShare();
        if (!(busy >= 0) || !(had >= 2) || 100 * busy >= runs.thresholds().usedPercent() * had) {
            return Suggestion.NONE;
        }
        if (terms.isExclusive()) {
            return Suggestion.note(
                    "--cpus-per-task: the job asked for whole nodes, so it has all their CPUs, whatever it asks for.");
        }
        if (terms.isCpusPerGpu()) {
            return Suggestion.note("--cpus-per-gpu: at most " + Phrases.number(busy) + " of " + Phrases.number(had)
                    + " CPUs of a node" + Phrases.were(busy)
                    + " busy. The job asked for CPUs by GPU, and sbatch does not take --cpus-per-task beside it.");
        }
        if (terms.tasks() > 1 || measured.stream().anyMatch(task -> task.nodes() != 1)) {
            return Suggestion.note("--ntasks, --cpus-per-task: at most " + Phrases.number(busy) + " of "
                    + Phrases.number(had)
                    + " CPUs of a node" + Phrases.were(busy)
                    + " busy. Their split between tasks is not known, so no number is suggested.");
        }
        long ask = Math.max(1, (long) Math.ceil(busy - CPU_NOISE));
        return Suggestion.option("--cpus-per-task", String.valueOf(ask), (double) ask, Unit.CPUS,
                String.valueOf((long) had),
                "At most " + Phrases.number(busy) + " of " + Phrases.number(had)
                        + " CPUs" + Phrases.were(busy)
                        + " busy at once." + (terms.tasks() == 1
                                ? ""
                                : " This is for a job of one task; if --ntasks asked for the CPUs, reduce that instead."));
    }
}
