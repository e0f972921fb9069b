package org.jobwitness.server.verdict;

import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.server.verdict.RunEvidence.GpuUsage;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.Verdict.Unit;

/** {@code --gpus}, or whatever asked for GPUs: those that were ever used. */
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
        GpuRequest asked = runs.run().terms().gpus();
        String option = asked == null ? "--gpus" : asked.per().option();
        if (runs.run().gpus() > gpus.size()) { // a node without an agent, or a driver that does not answer
            return Suggestion.note(option + ": " + gpus.size() + " of its " + Phrases.number(runs.run().gpus())
                    + " GPUs" + Phrases.were(gpus.size()) + " read, so how many it used is not known.");
        }
        if (!runs.evidence().otherTasks().isEmpty()) {
            return Suggestion.note(option + ": this run used " + used + " of its " + gpus.size()
                    + " GPUs; check the other tasks of the array before you ask for fewer.");
        }
        if (runs.done().isEmpty()) {
            return Suggestion.note(option + ": " + runs.whyNoneIsDone());
        }
        if (used == 0) {
            return Suggestion.note(option
                    + ": none of its GPUs was used. If the program does not support GPUs, remove --gpus or --gres.");
        }
        String why = used + " of its " + gpus.size() + " GPUs" + Phrases.were(used) + " used.";
        return asked == null
                ? Suggestion.option("--gpus", String.valueOf(used), (double) used, Unit.GPUS,
                        String.valueOf(gpus.size()),
                        "Only " + why + " If --gres asked for them, change that instead.")
                : inTermsOf(asked, used, gpus, runs, why);
    }

    private static Suggestion inTermsOf(GpuRequest asked, long used, List<GpuUsage> gpus, PastRuns runs, String why) {
        long fewer = switch (asked.per()) {
            case JOB -> used;
            case NODE -> gpus.stream().filter(gpu -> gpu.lastUsed() != null)
                    .collect(Collectors.groupingBy(GpuUsage::node, Collectors.counting())).values().stream()
                    .mapToLong(Long::longValue).max().orElse(0);
            case TASK -> runs.run().terms().tasks() == 1 ? used : 0;
            case SOCKET -> 0;
        };
        if (fewer >= asked.count()) {
            return Suggestion.NONE;
        }
        if (fewer == 0 || !asked.isAlone()) {
            return Suggestion.note(asked.per().option() + ": only " + why
                    + " How many to ask for by this option is not known, so no number is suggested.");
        }
        return Suggestion.option(asked.per().option(), asked.value(fewer), (double) fewer, Unit.GPUS,
                asked.value(asked.count()),
                "Only " + why + (asked.per() == GpuRequest.Per.NODE
                        ? " If --gpus-per-node asked for them, change that instead."
                        : ""));
    }
}
