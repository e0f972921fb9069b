package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Why a run ended, whether it used what it asked for, and what to ask for next time. Sentences are plain text for people;
 * programs read the other fields. What happened, what was used and what to do are the headline of {@code outcome}, the sentence
 * of {@code use}, and {@code advice}.
 *
 * @param id, run, cluster which run this is about, as in {@link Job}
 * @param timestamp when it was judged; of a run that goes on, the verdict may change
 * @param advice what to do, in a few sentences
 * @param siteNote the site's own words, to be shown with the advice; null if it has none
 * @param findings the gravest first
 * @param notJudged rules that were not applied, and why
 * @param retry whether to submit it again, for programs
 * @param otherRuns the other runs of the same job, the newest first; of too many only the newest
 */
public record Verdict(String id, long run, String cluster, @Nullable String user, Instant timestamp,
        @Nullable Instant startTime, @Nullable Instant endTime, Outcome outcome, Use use, String advice,
        @Nullable String siteNote, List<Finding> findings, List<NotJudged> notJudged, NextRequest next,
        Retry retry, List<OtherRun> otherRuns) {

    public Verdict {
        advice = Checks.requiredText("advice", advice, Integer.MAX_VALUE);
        otherRuns = List.copyOf(otherRuns);
        findings = List.copyOf(findings);
        notJudged = List.copyOf(notJudged);
    }

    /**
     * How the run stands or ended, and why.
     *
     * @param confirmed whether that is beyond doubt
     * @param headline one sentence that says it all
     * @param meaning what that means, where it needs to be explained
     * @param advice what to do about it, if anything
     * @param evidence the chain of it, the strongest first
     * @param missing what would have to be known to say more, and who knows it
     * @param outOfMemory where memory ran out: of which the headline speaks, or else the first
     */
    public record Outcome(JobState state, Cause cause, boolean confirmed, String headline, @Nullable String meaning,
            @Nullable String advice, List<Fact> evidence, List<String> missing, @Nullable OutOfMemory outOfMemory) {

        public Outcome {
            headline = Checks.requiredText("headline", headline, Integer.MAX_VALUE);
            evidence = List.copyOf(evidence);
            missing = List.copyOf(missing);
        }
    }

    /**
     * Where memory ran out. What is not known is null.
     *
     * @param cause null if nobody can tell whether the job's limit or the node's memory had run out
     * @param kills processes that were killed, on all nodes
     * @param timestamp of the first kill that was seen
     * @param limitBytes the memory limit that was met; null if the node's memory had run out
     * @param peakBytes the most that the job had on that node
     */
    public record OutOfMemory(@Nullable OomCause cause, @Nullable Long kills, @Nullable Instant timestamp,
            @Nullable String node, @Nullable String step, @Nullable Long limitBytes, @Nullable Long peakBytes) {
    }

    /** Who knows a fact. */
    public enum Source {
        /** Slurm's controller or its accounting. */
        SCHEDULER("Slurm"),
        /** Slurm's script before the job, on a node. */
        PROLOG("prolog"),
        /** Slurm's script after the job, on a node. */
        EPILOG("epilog"),
        /** The kernel of a node, as the agent saw it at that moment. */
        KERNEL("kernel"),
        /** What the node's agent read of the job's cgroup and GPUs. */
        AGENT("agent"),
        /** What this service knows of other runs. */
        RECORDS("earlier runs"),
        /** Somebody who said so by hand or by a program. */
        PERSON("entered by hand");

        private final String words;

        Source(String words) {
            this.words = words;
        }

        /** As the command and the pages name it behind a fact. */
        public String words() {
            return words;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How much a fact proves, the most first. */
    public enum Strength {
        /** It alone decides. */
        PROOF,
        /** It speaks for it, but something else could look the same. */
        SIGN,
        /** It belongs to the picture and decides nothing. */
        CONTEXT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** What a number counts. */
    public enum Unit {
        PERCENT,
        SECONDS,
        BYTES,
        CPUS,
        GPUS,
        NODES,
        JOULES,
        COUNT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * A number under a name that stays the same, such as {@code max_memory}.
     *
     * @param unit what {@code value} counts
     */
    public record Quantity(String name, double value, Unit unit) {

        public Quantity {
            name = Checks.requiredText("name", name, 64);
            if (!Double.isFinite(value)) {
                throw new InvalidFieldException("value", "must be a number, was " + value);
            }
        }
    }

    /**
     * A piece of evidence.
     *
     * @param says the fact, as a sentence
     * @param timestamp, node, step when and where, as far as it has a time and a place
     * @param times the times in {@code says}, as RFC 3339 has them there; null if there are none
     */
    public record Fact(Source source, Strength strength, String says, @Nullable Instant timestamp,
            @Nullable String node, @Nullable String step, @Nullable Quantity quantity, @Nullable List<Instant> times) {

        public Fact {
            says = Checks.requiredText("says", says, Integer.MAX_VALUE);
            times = timesIn(says, times);
        }

        public Fact(Source source, Strength strength, String says, @Nullable Instant timestamp, @Nullable String node,
                @Nullable String step, @Nullable Quantity quantity) {
            this(source, strength, says, timestamp, node, step, quantity, null);
        }
    }

    /** What a run has a limited amount of. */
    public enum Resource {
        TIME,
        CPU,
        MEMORY,
        GPU;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * What the run asked for, may use, and used.
     *
     * @param sentence all of it, for people
     * @param coverage the share of its time that samples cover, 0..1; null if no sample has an interval
     */
    public record Use(String sentence, @Nullable Double coverage, List<ResourceUse> resources) {

        public Use {
            sentence = Checks.requiredText("sentence", sentence, Integer.MAX_VALUE);
            resources = List.copyOf(resources);
        }
    }

    /**
     * What the run asked for, may use, and used of one resource. Of memory, the figures are those of its fullest node.
     *
     * @param unit of all figures
     * @param allowed what it may use at most
     * @param used how long it ran, CPUs and GPUs that were busy on average, the peak of its memory
     * @param usedAtMost CPUs that were busy in the busiest sample
     * @param note what the figures do not cover, or else to know of them
     * @param absent why {@code used} is not known
     */
    public record ResourceUse(Resource resource, Unit unit, @Nullable Double asked, @Nullable Double allowed,
            @Nullable Double used, @Nullable Double usedAtMost, @Nullable String note, @Nullable String absent) {
    }

    /**
     * Another run of the same job.
     *
     * @param run its key
     * @param later whether it is newer than the run of the verdict
     */
    public record OtherRun(long run, boolean later, JobState state, @Nullable Reason reason,
            @Nullable Instant startTime, @Nullable Instant endTime) {
    }

    /**
     * Something about how the run used what it had.
     *
     * @param sentence what was found, with its numbers
     * @param advice what to do about it
     * @param from, to the time that it speaks of
     * @param evidence the figures that it rests on, at least one
     * @param times the times in {@code sentence}, as RFC 3339 has them there; null if there are none
     */
    public record Finding(FindingRule rule, Severity severity, String sentence, String advice, @Nullable Instant from,
            @Nullable Instant to, List<Fact> evidence, @Nullable List<Instant> times) {

        public Finding {
            sentence = Checks.requiredText("sentence", sentence, Integer.MAX_VALUE);
            advice = Checks.requiredText("advice", advice, Integer.MAX_VALUE);
            evidence = List.copyOf(evidence);
            if (evidence.isEmpty()) {
                throw new InvalidFieldException("evidence", "must not be empty: a finding rests on something");
            }
            times = timesIn(sentence, times);
        }
    }

    private static @Nullable List<Instant> timesIn(String sentence, @Nullable List<Instant> times) {
        if (times == null || times.isEmpty()) {
            return null;
        }
        for (Instant time : times) {
            if (!sentence.contains(time.toString())) {
                throw new InvalidFieldException("times", time + " must occur in its sentence");
            }
        }
        return List.copyOf(times);
    }

    /** A rule that was not applied, and why. */
    public record NotJudged(FindingRule rule, String why) {

        public NotJudged {
            why = Checks.requiredText("why", why, Integer.MAX_VALUE);
        }
    }

    /**
     * What to ask for next time.
     *
     * @param sentence what it rests on, or why there is nothing to suggest
     * @param runs how many runs were looked at: more than one for a job array
     * @param lines ready to be copied into a batch script, such as {@code #SBATCH --mem=26G}
     * @param options the same one by one, and why
     * @param notes what to know of the other options: why one stays as it is, or what is not known
     */
    public record NextRequest(String sentence, int runs, List<String> lines, List<Option> options,
            List<String> notes) {

        public NextRequest {
            sentence = Checks.requiredText("sentence", sentence, Integer.MAX_VALUE);
            lines = List.copyOf(lines);
            options = List.copyOf(options);
            notes = List.copyOf(notes);
        }
    }

    /**
     * An option of sbatch.
     *
     * @param name such as {@code --mem}
     * @param value in sbatch's own form
     * @param amount the same as a number
     * @param unit of the amount
     * @param before what the job had, in the same form; null if that is not known
     * @param why where the number comes from
     */
    public record Option(String name, String value, double amount, Unit unit, @Nullable String before, String why) {
    }
}
