package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jobwitness.server.node.NodeEventTable;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.OtherRun;
import org.jspecify.annotations.Nullable;

/**
 * Everything known of a run that matters to a verdict. A number that is not known is NaN.
 *
 * @param now when it was read
 * @param reported how it ended, by all reports
 * @param kills OOM kills whose moment was seen, the earliest first
 * @param otherTasks the newest runs of the other tasks of its job array that have ended
 * @param shortJobs short jobs of the same user and name that started within the day before it, or when it did
 * @param otherRuns of the same job, the newest first
 * @param largestNode the most memory that Slurm gives to jobs on any node of its partition, by Slurm's record
 * @param nodeEvents what happened to its nodes from its start until soon after its end, by Slurm's record; the earliest first
 */
record RunEvidence(Instant now, Run run, ReportedEnd reported, List<NodeUsage> nodes, List<GpuUsage> gpus,
        List<JobOomKill> kills, List<Task> otherTasks, int shortJobs, List<OtherRun> otherRuns,
        double largestNode, List<NodeEventTable.Event> nodeEvents) {

    /** Reports of an end, and samples, may be on their way for so long. */
    private static final Duration REPORTS_TAKE = Duration.ofMinutes(10);

    /** Memory of which so much was used is full: agents may have read it a little before it was. */
    static final double FULL = 0.9;

    /** A peak so far above a limit was not measured under that limit. */
    static final double BEYOND = 1.05;

    RunEvidence {
        nodes = List.copyOf(nodes);
        gpus = List.copyOf(gpus);
        kills = List.copyOf(kills);
        otherTasks = List.copyOf(otherTasks);
        otherRuns = List.copyOf(otherRuns);
        nodeEvents = List.copyOf(nodeEvents);
    }

    /**
     * In what terms it asked for CPUs and memory, as far as Slurm reported it; 0 is not known.
     *
     * @param cpus, memoryMb all that it asked for; it may have been given whole cores or nodes
     * @param gpuCount GPUs that it asked for; NaN is not known, since 0 is none
     * @param memoryPerCpuMb, memoryPerNodeMb at most one of them is known
     * @param isMemoryPerGpu, isCpusPerGpu whether it asked for memory, or CPUs, by GPU
     * @param isExclusive whether it asked for whole nodes
     * @param gpus null where it is not known how it asked for GPUs
     */
    record Terms(double cpus, double memoryMb, double gpuCount, int tasks, int cpusPerTask, long memoryPerCpuMb,
            long memoryPerNodeMb, boolean isMemoryPerGpu, boolean isCpusPerGpu, boolean isExclusive,
            @Nullable GpuRequest gpus) {
        static final Terms UNKNOWN = new Terms(0, 0, Double.NaN, 0, 0, 0, 0, false, false, false, null);
    }

    /**
     * Which run it is, its state, and the resources it has or asked for.
     *
     * @param confirmed null while it is pending or running
     * @param nodes their names; empty if not known
     * @param suspendedSeconds how long Slurm suspended it, without a suspension that has not ended
     * @param memoryMb on all nodes together; what it has, or else what it asked for
     */
    record Run(String id, long key, String cluster, @Nullable String user, @Nullable String name, List<String> nodes,
            JobState state, @Nullable Reason reason, @Nullable Boolean confirmed, @Nullable Instant submit,
            @Nullable Instant start, @Nullable Instant end, @Nullable Instant deadline, double timeLimitSeconds,
            double suspendedSeconds, double cpus, double memoryMb, double gpus, @Nullable String arrayJobId,
            Terms terms, @Nullable String partition, @Nullable String account) {

        Run {
            nodes = List.copyOf(nodes);
        }

        boolean hasEnded() {
            return state.isFinal();
        }

        /** The part of its CPUs that it asked for, at most 1: Slurm gives whole cores, and whole nodes where it has to. */
        double askedShare() {
            return terms.cpus() > 0 && terms.cpus() < cpus ? terms.cpus() / cpus : 1;
        }

        boolean isConfirmed() {
            return Boolean.TRUE.equals(confirmed);
        }

        /** From its start to its end or until {@code now}; NaN if its start or end is not known. */
        double seconds(Instant now) {
            Instant until = hasEnded() ? end : now;
            return start == null || until == null
                    ? Double.NaN
                    : Math.max(0, Duration.between(start, until).toMillis() / 1e3);
        }
    }

    /**
     * How it ended, by all reports.
     *
     * @param rawState, stateReason, stateDescription Slurm's own
     * @param schedulerEnd whether Slurm has reported its end
     * @param finalState as reported by hand or by a program
     * @param exitCode, signal how the batch script ended, as an epilog reported it, or else Slurm
     * @param derivedExitCode the highest wait(2) status of any step
     * @param failedNode the one of its nodes whose failure ended it, by Slurm's record
     * @param cancelledBy by Slurm's record
     * @param startSeen, endSeen whether a prolog, or an epilog, reported it
     * @param requeued whether a restart count showed that it was requeued
     * @param replaced whether a later run of the same job id is known
     * @param oomCounted whether a cgroup of it counted an OOM kill at its own limit
     * @param batch whether it has a batch script (sbatch), or none (salloc, srun), by Slurm's record
     */
    record ReportedEnd(@Nullable String rawState, @Nullable String stateReason,
            @Nullable String stateDescription, boolean schedulerEnd, @Nullable JobState finalState,
            @Nullable Integer exitCode, @Nullable Integer signal,
            @Nullable Integer derivedExitCode, @Nullable String failedNode, @Nullable String cancelledBy,
            boolean startSeen, boolean endSeen, boolean requeued, boolean replaced, boolean oomCounted,
            @Nullable Boolean batch) {

        /** What its exit code is of: without a report, a batch script. */
        String program() {
            return Boolean.FALSE.equals(batch) ? "command" : "script";
        }
    }

    /**
     * Its usage of one node.
     *
     * @param cpus that it has there
     * @param samples of the CPU use
     * @param coveredSeconds the time that all samples cover
     * @param suspendedSeconds the part of that in which Slurm had suspended it
     * @param isSuspended whether it is suspended, by a last sample that is fresh
     * @param cpuPercent, cpuMaxPercent, lastCpuPercent of its CPUs there: average, maximum and last
     * @param memoryPeak by memory.peak or a sample, including page cache
     * @param memoryLimit, minMemoryLimit the highest and the lowest that it had there: a limit may change while the job runs
     * @param needed memory that the kernel could not have reclaimed, at most: anonymous, shared and swapped memory of one sample
     * @param fileMax the highest of files in memory, of any sample: page cache, and shared memory
     * @param swapMax the highest swapped memory of any sample
     * @param throttledSeconds added up over CPUs
     * @param memoryStallSeconds, ioStallSeconds in which all of its tasks waited at once
     * @param oomEvents how often it reached its own limit, by the kernel's count
     */
    record NodeUsage(String node, double cpus, long samples, double coveredSeconds, double suspendedSeconds,
            boolean isSuspended, @Nullable Instant lastSample, double cpuPercent, double cpuMaxPercent,
            double lastCpuPercent, double memoryPeak, double memoryLimit, double minMemoryLimit, double needed,
            double fileMax, double swapMax,
            double throttledSeconds, double memoryStallSeconds, double ioStallSeconds, double oomKills,
            double oomEvents) {

        /** CPUs that were busy, on average. */
        double cpusUsed() {
            return cpus * cpuPercent / 100;
        }

        /** CPUs that were busy in the busiest sample. */
        double cpusUsedAtMost() {
            return cpus * cpuMaxPercent / 100;
        }

        /** Whether most of its memory was page cache. Without, the rest is the kernel's for it: page tables, sockets. */
        boolean isMostlyCache() {
            return needed < memoryPeak / 2 && needed + fileMax >= memoryPeak * FULL;
        }

        /** Whether the limit was changed by so much that a kill at the lower one says little of the higher one. */
        boolean hadSmallerLimit() {
            return minMemoryLimit < memoryLimit * FULL;
        }

        /** The most that it is known to have needed: a peak with page cache in it, or more where memory was swapped out. */
        double memoryUsed() {
            return needed > memoryPeak ? needed : memoryPeak;
        }
    }

    /**
     * Its usage of one GPU.
     *
     * @param minor, model of its device; null if they are not known
     * @param hold whether the use of the GPU can be attributed to the run
     * @param heldFrom since when it is known to have the GPU
     * @param samples of the utilization
     * @param percent, maxPercent utilization: average and maximum
     * @param lastUsed the last sample in which the GPU was used; null if it never was
     * @param lastSample the last one with a utilization
     * @param processes of the job that had it open, at most
     */
    record GpuUsage(String node, String gpu, @Nullable Integer minor, @Nullable String model, GpuHold hold,
            Instant heldFrom, long samples, double percent,
            double maxPercent, @Nullable Instant lastUsed, @Nullable Instant lastSample, double processes,
            RunUse.Faults faults) {
    }

    /**
     * A run that has ended, as the basis of suggestions.
     *
     * @param isSure whether its state is confirmed
     * @param nodes how many it had
     * @param seconds its run time
     * @param memoryPeak, memoryLimit, needed the highest of any node; where memory was asked for by CPU, and so differs from node to
     *     node, of the node where it was the fullest; {@code needed} as {@link NodeUsage#needed}
     * @param cpus, cpusUsedAtMost of the node where the use was the highest
     * @param samples of the node with the fewest
     * @param coverage as {@link #coverage()}
     */
    record Task(JobState state, @Nullable Reason reason, boolean isSure, int nodes, double seconds,
            double timeLimitSeconds, double memoryPeak, double memoryLimit, double needed, double cpus,
            double cpusUsedAtMost, long samples, double coverage, boolean oomKilled) {

        /** Whether it completed, beyond doubt. */
        boolean isDone() {
            return state == JobState.COMPLETED && isSure && !oomKilled;
        }

        /** Whether it ran out of memory, although it used far less than its limit. */
        boolean hadMemoryLeft() {
            return oomKilled && Math.max(memoryPeak, needed >= 0 ? needed : 0) < memoryLimit * FULL;
        }

        /** Whether a time limit ended it, although it ran for far less than the one that is known. */
        boolean hadTimeLeft() {
            return isOutOfTime() && seconds < timeLimitSeconds * FULL;
        }

        /** Whether its time limit ended it. */
        boolean isOutOfTime() {
            return reason == Reason.TIMEOUT;
        }
    }

    /** This run, as the basis of suggestions. */
    Task asTask() {
        Optional<NodeUsage> busiest = nodes.stream().filter(on -> on.cpusUsedAtMost() >= 0)
                .max(Comparator.comparingDouble(NodeUsage::cpusUsedAtMost));
        Optional<NodeUsage> fullest = run.terms().memoryPerCpuMb() > 0
                ? nodes.stream().filter(on -> on.memoryUsed() / limit(on) >= 0)
                        .max(Comparator.comparingDouble(on -> on.memoryUsed() / limit(on)))
                : Optional.empty();
        return new Task(run.state(), run.reason(), run.isConfirmed(),
                Math.max(run.nodes().size(), nodes.size()), ranSeconds(), run.timeLimitSeconds(),
                fullest.map(NodeUsage::memoryPeak).orElseGet(() -> max(NodeUsage::memoryPeak)),
                fullest.map(this::limit).orElseGet(() -> nodes.isEmpty() ? equalShare() : max(this::limit)),
                fullest.map(NodeUsage::needed).orElseGet(() -> max(NodeUsage::needed)),
                busiest.map(NodeUsage::cpus).orElse(Double.NaN),
                busiest.map(NodeUsage::cpusUsedAtMost).orElse(Double.NaN),
                samples(), coverage(), reachedItsLimit());
    }

    /** Whether it had all the memory of a node that any job of its partition can have, by what Slurm reported; a mebibyte less counts. */
    boolean hadLargestNode() {
        return asTask().memoryLimit() > largestNode - (1 << 20);
    }

    /** Whether it reached a memory limit of its own; an OOM kill because the node ran out of memory does not count. */
    private boolean reachedItsLimit() {
        return !onlyNodeMemoryRanOut() && (reported.oomCounted() || run.reason() == Reason.OUT_OF_MEMORY
                || (kills.isEmpty()
                        ? oomKills() > 0
                        : kills.stream().anyMatch(kill -> kill.cause() == OomCause.LIMIT)));
    }

    /**
     * The fullest node on which it is said to have run out of memory, if it used far less than its limit on all of them: then
     * its limit does not explain the kill.
     */
    Optional<NodeUsage> withMemoryLeft() {
        List<NodeUsage> killed = whereKilled();
        return killed.isEmpty() || !killed.stream().allMatch(on -> on.memoryUsed() < limitOfKill(on) * FULL)
                ? Optional.empty()
                : killed.stream().max(Comparator.comparingDouble(NodeUsage::memoryUsed));
    }

    private List<NodeUsage> whereKilled() {
        if (!kills.isEmpty()) {
            Set<String> names = kills.stream().filter(kill -> kill.cause() == OomCause.LIMIT).map(JobOomKill::node)
                    .collect(Collectors.toSet());
            return nodes.stream().filter(on -> names.contains(on.node())).toList();
        }
        List<NodeUsage> counted = nodes.stream().filter(on -> on.oomKills() > 0).toList();
        return counted.isEmpty() ? nodes : counted;
    }

    /** What was reached there: the limit that was seen at the moment of the kill, or else the lowest of the job. */
    double limitOfKill(NodeUsage on) {
        double least = Double.POSITIVE_INFINITY;
        for (JobOomKill kill : kills) {
            Long limit = kill.limitBytes();
            if (kill.cause() == OomCause.LIMIT && kill.node().equals(on.node()) && limit != null) {
                least = Math.min(least, limit);
            }
        }
        if (!Double.isInfinite(least)) {
            return least;
        }
        return on.hadSmallerLimit() ? on.minMemoryLimit() : limit(on);
    }

    private double max(ToDoubleFunction<NodeUsage> figure) {
        return nodes.stream().mapToDouble(figure).filter(Double::isFinite).max().orElse(Double.NaN);
    }

    /** Its memory limit on a node: what the kernel enforces, or else an equal share of its memory. */
    double limit(NodeUsage on) {
        return Double.isNaN(on.memoryLimit()) ? equalShare() : on.memoryLimit();
    }

    private double equalShare() {
        return run.memoryMb() * (1 << 20) / Math.max(run.nodes().size(), 1);
    }

    /** How long Slurm suspended it, by Slurm or the agents, whichever is more: Slurm knows ended suspensions, an agent what it saw. */
    double suspendedSeconds() {
        double byAgents = max(NodeUsage::suspendedSeconds);
        return Math.max(Double.isNaN(byAgents) ? 0 : byAgents,
                Double.isNaN(run.suspendedSeconds()) ? 0 : run.suspendedSeconds());
    }

    /** Whether it is suspended now. */
    boolean isSuspended() {
        boolean bySlurm = reported.rawState() != null && reported.rawState().startsWith("SUSPENDED");
        return !run.hasEnded() && (bySlurm || nodes.stream().anyMatch(NodeUsage::isSuspended));
    }

    /**
     * Its run time, with suspensions; NaN if it is not known, as of a run that {@link #mayHaveEnded}.
     */
    private double seconds() {
        return mayHaveEnded() ? Double.NaN : run.seconds(now);
    }

    /** Its run time without suspensions, which do not count against its time limit; NaN if it is not known. */
    double ranSeconds() {
        return Math.max(0, seconds() - suspendedSeconds());
    }

    /** Whether its time limit has passed and nothing was read of it since, so that its end may have gone unreported. */
    boolean mayHaveEnded() {
        Instant last = lastSample();
        return isPastDeadline() && !isSuspended() && (last == null || last.isBefore(now.minus(REPORTS_TAKE)));
    }

    /** Whether it runs by all reports, though it should have ended; reports of its end may be on their way for some minutes. */
    boolean isPastDeadline() {
        return !run.hasEnded() && run.deadline() != null && now.isAfter(run.deadline().plus(REPORTS_TAKE));
    }

    /** The part of its time on its nodes that samples cover, 0 to 1; NaN if not known. */
    double coverage() {
        double seconds = seconds();
        int count = Math.max(run.nodes().size(), nodes.size());
        DoubleSummaryStatistics covered = nodes.stream().mapToDouble(NodeUsage::coveredSeconds).filter(Double::isFinite)
                .summaryStatistics();
        return count == 0 || !(seconds > 0) || covered.getCount() == 0
                ? Double.NaN
                : Math.min(1, covered.getSum() / (seconds * count));
    }

    /** How many of its nodes no agent has read; 0 if its use is that of the job as a whole. */
    int unreadNodes() {
        boolean isWhole = nodes.stream().anyMatch(on -> on.node().isEmpty());
        return isWhole ? 0 : Math.max(0, run.nodes().size() - nodes.size());
    }

    /** {@code 1 of its 2 nodes was not read}. */
    String whatIsUnread() {
        return unreadNodes() + " of its " + run.nodes().size() + " nodes" + Phrases.were((long) unreadNodes())
                + " not read";
    }

    /** Of the node with the fewest. */
    long samples() {
        return nodes.stream().mapToLong(NodeUsage::samples).min().orElse(0);
    }

    /** Killed processes, by the kernel's count or as they were seen, whichever is more. */
    long oomKills() {
        double counted = nodes.stream().mapToDouble(NodeUsage::oomKills).filter(Double::isFinite).sum();
        return Math.max((long) counted, kills.stream().mapToLong(JobOomKill::killed).sum());
    }

    /**
     * Whether the kernel killed processes of it, none of them at a limit of the job's own: as seen at the moments of the kills, or
     * else by its counters. An epilog counts kills only, so a count of as many as were seen says no more.
     */
    boolean onlyNodeMemoryRanOut() {
        if (kills.isEmpty()) {
            List<NodeUsage> counted = nodes.stream().filter(on -> on.oomKills() > 0).toList();
            return !reported.oomCounted() && !counted.isEmpty()
                    && counted.stream().allMatch(on -> on.oomEvents() == 0);
        }
        boolean allSeen = oomKills() == kills.stream().mapToLong(JobOomKill::killed).sum()
                && nodes.stream().noneMatch(on -> on.oomEvents() > 0);
        return kills.stream().allMatch(kill -> kill.cause() == OomCause.NODE) && (!reported.oomCounted() || allSeen);
    }

    /** Whether Slurm marked an OOM kill of the batch script or of a step. */
    boolean hasOomMark() {
        return Objects.equals(reported.signal(), ExitWords.OOM_MARK)
                || (reported.derivedExitCode() != null && ExitWords.isOomMark(reported.derivedExitCode()));
    }

    /** NaN if it is not known. */
    double timeLimitSeconds() {
        return !Double.isNaN(run.timeLimitSeconds()) || run.start() == null || run.deadline() == null
                ? run.timeLimitSeconds()
                : Duration.between(run.start(), run.deadline()).toMillis() / 1e3;
    }

    /** The time that the counters of a node cover: they stand still while the run is suspended. NaN without a sample. */
    double secondsOn(NodeUsage on) {
        return run.start() == null || on.lastSample() == null
                ? Double.NaN
                : Math.max(0, Duration.between(run.start(), on.lastSample()).toMillis() / 1e3 - suspendedSeconds());
    }

    /** The newest sample of any node; null if there is none. */
    @Nullable
    Instant lastSample() {
        return nodes.stream().map(NodeUsage::lastSample).filter(Objects::nonNull).max(Comparator.naturalOrder())
                .orElse(null);
    }
}
