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
        Suggestion next = Suggestion.of(NextMemory.suggest(runs), NextCpus.suggest(runs), NextGpus.suggest(runs),
                NextTime.suggest(runs));
        if (next.options().isEmpty() && runs.done().isEmpty()) {
            return nothing(runs, next);
        }
        String before = Boolean.FALSE.equals(evidence.reported().batch()) ? "" : "#SBATCH ";
        List<String> lines = next.options().stream().map(option -> before + option.name() + "=" + option.value())
                .toList();
        return new NextRequest(sentence(runs, next), runs.ended().size(), lines, next.options(), next.notes());
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
