package org.jobwitness.server.verdict;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jobwitness.server.verdict.RunEvidence.OnGpu;
import org.jobwitness.server.verdict.RunEvidence.Task;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.NextRequest;

/**
 * What to ask for next time: what was used, and a margin. Nothing is suggested that lies below what was used, nothing less
 * than before on the word of a run that may have been stopped early, and nothing at all where nothing is known.
 */
final class NextRules {
    private static final double MEBIBYTE = 1 << 20;
    private static final double GIBIBYTE = 1 << 30;
    private static final int MINUTE = 60;
    private static final int HOUR = 3600;
    private static final int DAY = 86_400;
    /** How much used is a lower bound only: so much more is asked for. */
    private static final double BEYOND_A_LOWER_BOUND = 1.5;
    /** A suggestion that saves less than this part is not worth a change. */
    private static final double WORTH_A_CHANGE = 0.9;
    /** So much of a CPU is lost in measuring: a sample's interval is not exact. */
    private static final double CPU_NOISE = 0.05;

    private final RunEvidence evidence;
    private final RunEvidence.Run run;
    private final Thresholds thresholds;
    private final List<Task> ended;
    private final List<Task> done;
    private final List<Verdict.Option> options = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    private NextRules(RunEvidence evidence, Thresholds thresholds) {
        this.evidence = evidence;
        this.run = evidence.run();
        this.thresholds = thresholds;
        Stream<Task> own = run.hasEnded() ? Stream.of(evidence.asTask()) : Stream.of();
        ended = Stream.concat(own, evidence.otherTasks().stream()).toList();
        done = ended.stream().filter(Task::isDone).toList();
    }

    static NextRequest judge(RunEvidence evidence, Thresholds thresholds) {
        return new NextRules(evidence, thresholds).next();
    }

    private NextRequest next() {
        if (ended.isEmpty()) {
            return new NextRequest("The job has not ended yet; what to ask for next can be told when it has.", 0,
                    List.of(), List.of(), List.of());
        }
        memory();
        cpus();
        gpus();
        time();
        List<String> lines = options.stream().map(option -> "#SBATCH " + option.name() + "=" + option.value()).toList();
        return new NextRequest(sentence(), ended.size(), lines, options, notes);
    }

    private String sentence() {
        String from = ended.size() == 1
                ? run.hasEnded() ? "what this run used" : "what another task of the job array used"
                : "what " + ended.size() + " runs of the job array used at most";
        if (options.isEmpty()) {
            return done.isEmpty() ? "Nothing can be suggested yet." : "Nothing has to be changed, by " + from + ".";
        }
        return "By " + from + ", with a margin as told for each.";
    }

    // ---- Memory

    private void memory() {
        List<Task> measured = measured(ended);
        double peak = most(measured, Task::memoryPeak);
        double limit = most(measured, Task::memoryLimit);
        double needed = most(measured, Task::needed);
        Optional<JobOomKill> ofStep = evidence.kills().stream().filter(this::metALimitOfItsStep).findFirst();
        if (ofStep.isPresent()) {
            notes.add("--mem: " + Phrases.step(ofStep.get().step()) + " met a limit of its own of "
                    + Phrases.bytes(requireNonNull(ofStep.get().limitBytes()))
                    + ", and not that of the job. Give that step more memory (srun --mem).");
        } else if (ended.stream().anyMatch(Task::oomKilled)) {
            moreMemory(most(ended, Task::memoryPeak), most(ended, Task::memoryLimit));
        } else if (!(peak > 0)) {
            notes.add("--mem: how much memory it used is not known" + orTooFewSamples());
        } else if (100 * needed >= thresholds.memoryNearPercent() * limit) {
            double ask = withMargin(Math.max(peak, needed));
            memoryOption(ask, limit, "Its programs took " + Phrases.bytes(needed) + " of " + Phrases.bytes(limit)
                    + " on one node, so it is close to being out of memory; " + margin() + " is added to its peak of "
                    + Phrases.bytes(peak) + ".");
        } else if (100 * peak >= thresholds.memoryNearPercent() * limit && needed < peak / 2) {
            notes.add(
                    "--mem: most of its memory was page cache, so less may do, but its files would be read more slowly. Its programs themselves took at most "
                            + Phrases.bytes(needed) + " on one node.");
        } else if (done.isEmpty()) {
            notes.add("--mem: " + notDone());
        } else if (roundedMemory(withMargin(peak)) > WORTH_A_CHANGE * limit) {
            notes.add(
                    "--mem: stays; at most " + Phrases.bytes(peak) + " of " + Phrases.bytes(limit)
                            + " were used on one node.");
        } else {
            memoryOption(withMargin(peak), limit, "At most " + Phrases.bytes(peak)
                    + " were used on one node, copies of files (page cache) in it; " + margin() + " is added.");
        }
    }

    private boolean metALimitOfItsStep(JobOomKill kill) {
        return kill.cause() == OomCause.LIMIT && kill.limitBytes() != null && evidence.nodes().stream()
                .anyMatch(on -> on.node().equals(kill.node()) && kill.limitBytes() < on.memoryLimit());
    }

    private void moreMemory(double peak, double limit) {
        double least = Math.max(Double.isNaN(peak) ? 0 : peak, Double.isNaN(limit) ? 0 : limit);
        if (least == 0) {
            notes.add("--mem: it was out of memory, so ask for more; how much it had is not known.");
            return;
        }
        memoryOption(least * BEYOND_A_LOWER_BOUND, limit, "It was out of memory at " + Phrases.bytes(least)
                + " on one node. How much it would have needed, nobody knows: this is half as much again, and the next run will tell more.");
    }

    private void memoryOption(double bytes, double limit, String why) {
        String perNode = run.nodes().size() > 1 ? " --mem is for each node." : "";
        options.add(new Verdict.Option("--mem", memory(roundedMemory(bytes)),
                Double.isNaN(limit) ? null : memory(Math.ceil(limit / MEBIBYTE) * MEBIBYTE), why + perNode));
    }

    /** Up to what people would write. */
    private static double roundedMemory(double bytes) {
        double step = bytes < GIBIBYTE ? 64 * MEBIBYTE : bytes < 8 * GIBIBYTE ? 256 * MEBIBYTE : GIBIBYTE;
        return Math.ceil(bytes / step) * step;
    }

    private static String memory(double bytes) {
        return bytes % GIBIBYTE == 0 ? (long) (bytes / GIBIBYTE) + "G" : (long) (bytes / MEBIBYTE) + "M";
    }

    // ---- CPUs and GPUs

    private void cpus() {
        List<Task> measured = measured(done);
        double most = most(measured, Task::cpusUsedAtMost);
        double had = most(measured, Task::cpus);
        if (!(most >= 0) || !(had >= 2) || 100 * most >= thresholds.usedPercent() * had) {
            return;
        }
        if (measured.stream().anyMatch(task -> task.nodes() != 1)) {
            notes.add("--ntasks, --cpus-per-task: at most " + Phrases.number(most) + " of " + Phrases.number(had)
                    + " CPUs of a node were busy. How the job divides them between tasks is not known, so no number is suggested.");
            return;
        }
        long ask = Math.max(1, (long) Math.ceil(most - CPU_NOISE));
        options.add(new Verdict.Option("--cpus-per-task", String.valueOf(ask), String.valueOf((long) had),
                "At most, " + Phrases.number(most) + " of " + Phrases.number(had)
                        + " CPUs worked at once. This is for a job of one task; where --ntasks asked for the CPUs, make that smaller."));
    }

    private void gpus() {
        List<OnGpu> gpus = evidence.gpus();
        if (gpus.isEmpty() || gpus.stream()
                .anyMatch(gpu -> gpu.hold() != GpuHold.ALONE || gpu.samples() < thresholds.minSamples())) {
            return;
        }
        long used = gpus.stream().filter(gpu -> gpu.lastUsed() != null).count();
        if (used == gpus.size()) {
            return;
        }
        if (!evidence.otherTasks().isEmpty()) {
            notes.add("--gpus: this run used " + used + " of its " + gpus.size()
                    + "; look at the other tasks of the array before you ask for fewer.");
        } else if (done.isEmpty()) {
            notes.add("--gpus: " + notDone());
        } else if (used == 0) {
            notes.add(
                    "--gpus: none of its GPUs did anything. If the program is not made for GPUs, leave --gpus or --gres away.");
        } else {
            options.add(new Verdict.Option("--gpus", String.valueOf(used), String.valueOf(gpus.size()),
                    "Only " + used + " of its " + gpus.size()
                            + " GPUs did anything. Where --gres asked for them, change that."));
        }
    }

    // ---- Time

    private void time() {
        double limit = most(ended, Task::timeLimitSeconds);
        if (ended.stream().anyMatch(Task::isOutOfTime)) {
            double had = most(ended.stream().filter(Task::isOutOfTime).toList(),
                    task -> Math.max(task.seconds(),
                            Double.isNaN(task.timeLimitSeconds()) ? 0 : task.timeLimitSeconds()));
            if (had > 0) {
                timeOption(had * BEYOND_A_LOWER_BOUND, limit, "Its time was over after " + Phrases.time(had)
                        + ". How long it would have taken, nobody knows: this is half as much again. A partition may not allow as much (sinfo -o '%P %l').");
            }
            return;
        }
        double longest = most(done, Task::seconds);
        if (done.isEmpty()) {
            notes.add("--time: " + notDone());
        } else if (Double.isNaN(longest)) {
            notes.add("--time: how long it took is not known.");
        } else if (roundedTime(withMargin(longest)) > WORTH_A_CHANGE * limit) {
            notes.add("--time: stays; it took " + Phrases.time(longest) + " of " + Phrases.time(limit) + ".");
        } else {
            timeOption(withMargin(longest), limit,
                    "It took " + Phrases.time(longest) + (done.size() > 1 ? " at most" : "") + "; " + margin()
                            + " is added.");
        }
    }

    private void timeOption(double seconds, double limit, String why) {
        options.add(new Verdict.Option("--time", clock(roundedTime(seconds)),
                Double.isNaN(limit) ? null : clock(limit), why));
    }

    /** Up to what people would write. */
    private static double roundedTime(double seconds) {
        int step = seconds < HOUR
                ? 5 * MINUTE
                : seconds < 12 * HOUR ? 15 * MINUTE : seconds < 2 * DAY ? HOUR : 6 * HOUR;
        return Math.ceil(seconds / step) * step;
    }

    /** {@code 1-06:00:00}, {@code 04:30:00}. */
    private static String clock(double seconds) {
        long whole = (long) Math.ceil(seconds);
        long days = whole / DAY;
        return (days == 0 ? "" : days + "-")
                + "%02d:%02d:%02d".formatted(whole % DAY / HOUR, whole % HOUR / MINUTE, whole % MINUTE);
    }

    // ---- What they share

    private List<Task> measured(List<Task> tasks) {
        return tasks.stream().filter(task -> task.samples() >= thresholds.minSamples()
                && !(100 * task.coverage() < thresholds.coveragePercent())).toList();
    }

    private String orTooFewSamples() {
        return evidence.nodes().isEmpty()
                ? "."
                : ", or too little of it was seen: at least " + thresholds.minSamples() + " samples and "
                        + thresholds.coveragePercent() + " % of its time are needed.";
    }

    private String notDone() {
        if (evidence.oomKills() > 0 && run.state() == JobState.COMPLETED) {
            return "processes of it had been killed for memory, so it may have done less than it should.";
        }
        return run.hasEnded() && run.state() == JobState.COMPLETED
                ? "whether the job was done or was stopped is not confirmed, so nothing smaller is suggested."
                : "the job did not come to its end, so it might have needed more than it used.";
    }

    private double withMargin(double used) {
        return used * (1 + thresholds.marginPercent() / 100.0);
    }

    private String margin() {
        return thresholds.marginPercent() + " %";
    }

    private static double most(List<Task> tasks, ToDoubleFunction<Task> figure) {
        return tasks.stream().mapToDouble(figure).filter(Double::isFinite).max().orElse(Double.NaN);
    }
}
