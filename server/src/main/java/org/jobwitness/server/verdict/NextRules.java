package org.jobwitness.server.verdict;

import java.util.List;
import org.jobwitness.wire.Verdict.NextRequest;

/**
 * What to ask for next time: what was used, and a margin. Nothing is suggested that lies below what was used, nothing less
 * than before if the run may have been stopped early, and nothing at all where nothing is known.
 */
final class NextRules {
    private NextRules() {
    }

    static NextRequest judge(RunEvidence evidence, Thresholds thresholds) {
        PastRuns runs = PastRuns.of(evidence, thresholds);
        if (runs.ended().isEmpty()) {
            return new NextRequest("The job has not ended yet; suggestions follow when it has.", 0, List.of(),
                    List.of(), List.of());
        }
        Suggestion next = Suggestion.of(resources(runs), NextTime.suggest(runs));
        if (next.options().isEmpty() && runs.done().isEmpty()) {
            return nothing(runs, next);
        }
        String before = Boolean.FALSE.equals(evidence.reported().batch()) ? "" : "#SBATCH ";
        List<String> lines = next.options().stream().map(option -> before + option.name() + "=" + option.value())
                .toList();
        return new NextRequest(sentence(runs, next), runs.ended().size(), lines, next.options(), next.notes());
    }

    /** Memory may have been asked for by CPU or by GPU: then fewer of these have less of it. */
    private static Suggestion resources(PastRuns runs) {
        RunEvidence.Terms terms = runs.run().terms();
        Suggestion cpus = NextCpus.suggest(runs);
        Suggestion gpus = NextGpus.suggest(runs);
        Suggestion memory = NextMemory.suggest(runs, cpus);
        boolean isMemorySet = !memory.options().isEmpty();
        if (terms.memoryPerCpuMb() > 0 && !isMemorySet && !cpus.options().isEmpty()) {
            cpus = Suggestion.note(
                    "--cpus-per-task: it asked for memory per CPU, so fewer CPUs would have less memory, and how much it needs is not known.");
        }
        boolean isFewer = !cpus.options().isEmpty() || !gpus.options().isEmpty();
        boolean mayLoseMemory = terms.isMemoryPerGpu() ? !gpus.options().isEmpty() : isFewer && !isMemorySet;
        return !mayLoseMemory || terms.memoryPerCpuMb() > 0 || terms.memoryPerNodeMb() > 0
                ? Suggestion.of(memory, cpus, gpus)
                : Suggestion.of(memory, Suggestion.note(terms.isMemoryPerGpu()
                        ? "--mem-per-gpu: fewer GPUs have less memory, so raise it."
                        : "--mem: if it asked for memory per CPU or per GPU, fewer of them have less memory, so raise it."),
                        cpus, gpus);
    }

    /** A reason that holds for all options is given once. */
    private static NextRequest nothing(PastRuns runs, Suggestion next) {
        String why = runs.whyNoneIsDone();
        boolean isOfAll = !next.notes().isEmpty() && next.notes().stream().allMatch(note -> note.endsWith(why));
        return new NextRequest("Nothing can be suggested" + (isOfAll ? ": " + why : "."), runs.ended().size(),
                List.of(), List.of(), isOfAll ? List.of() : next.notes());
    }

    private static String sentence(PastRuns runs, Suggestion next) {
        boolean isChange = !next.options().isEmpty();
        return "Based on " + basis(runs) + (isChange ? ", plus the margin shown." : ", nothing needs to change.");
    }

    private static String basis(PastRuns runs) {
        if (runs.ended().size() > 1) {
            return "the highest use of " + runs.ended().size() + " runs of the job array";
        }
        return runs.run().hasEnded() ? "what this run used" : "what another task of the job array used";
    }
}
