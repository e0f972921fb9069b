package org.jobwitness.server.verdict;

import java.util.List;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.GpuHold;

/** {@code --gpus}: those that were ever used. */
final class NextGpus {
    private NextGpus() {
    }

    static Suggestion suggest(PastRuns runs) {
        List<GpuUsage> gpus = runs.evidence().gpus();
        boolean isKnown = gpus.stream().allMatch(
                gpu -> gpu.hold() == GpuHold.ALONE && gpu.samples() >= runs.thresholds().minSamples());
        long used = gpus.stream().filter(gpu -> gpu.lastUsed() != null).count();
        if (!isKnown || used == gpus.size()) {
            return Suggestion.NONE;
        }
        if (!runs.evidence().otherTasks().isEmpty()) {
            return Suggestion.note("--gpus: this run used " + used + " of its " + gpus.size()
                    + " GPUs; check the other tasks of the array before you ask for fewer.");
        }
        if (runs.done().isEmpty()) {
            return Suggestion.note("--gpus: " + runs.whyNoneIsDone());
        }
        return used == 0
                ? Suggestion.note(
                        "--gpus: none of its GPUs was used. If the program does not support GPUs, remove --gpus or --gres.")
                : Suggestion.option("--gpus", String.valueOf(used), String.valueOf(gpus.size()), "Only " + used
                        + " of its " + gpus.size() + " GPUs" + Phrases.were(used)
                        + " used. If --gres asked for them, change that instead.");
    }
}
