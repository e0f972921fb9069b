package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * All that is known of a run and matters to a verdict. A number that is not known is NaN.
 *
 * @param now when it was read
 * @param said what was said of its end, and by whom
 * @param kills OOM kills whose moment was seen, the earliest first
 * @param otherTasks the newest runs of the other tasks of its job array that have ended
 * @param shortJobs jobs of the same user and name that began within the day before it or as it did, and were short
 */
record RunEvidence(Instant now, Run run, Said said, List<OnNode> nodes, List<OnGpu> gpus, List<JobOomKill> kills,
        List<Task> otherTasks, int shortJobs) {

    RunEvidence {
        nodes = List.copyOf(nodes);
        gpus = List.copyOf(gpus);
        kills = List.copyOf(kills);
        otherTasks = List.copyOf(otherTasks);
    }

    /**
     * Which run it is, how it stands, and what it asked for.
     *
     * @param confirmed null for a run that goes on
     * @param nodes their names; empty if not known
     * @param suspendedSeconds for how long Slurm had it suspended, as the scheduler says, without a suspension that goes on
     * @param memoryMb on all nodes together; what it has, or else what it asked for
     */
    record Run(String id, long key, String cluster, @Nullable String user, @Nullable String name, List<String> nodes,
            JobState state, @Nullable Reason reason, @Nullable Boolean confirmed, @Nullable Instant submit,
            @Nullable Instant start, @Nullable Instant end, @Nullable Instant deadline, double timeLimitSeconds,
            double suspendedSeconds, double cpus, double memoryMb, double gpus, @Nullable String arrayJobId) {

        Run {
            nodes = List.copyOf(nodes);
        }

        boolean hasEnded() {
            return state.isFinal();
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
     * What was said of the end.
     *
     * @param rawState, stateReason the scheduler's own words
     * @param schedulerEnd whether the scheduler has told how it ended
     * @param finalState what a sender called it
     * @param exitCode, signal how the batch script ended, as an epilog said it, or else the scheduler
     * @param derivedExitCode the highest wait(2) status of any step
     * @param cancelledBy who cancelled it, if the scheduler said so
     * @param startSeen, endSeen whether a prolog, or an epilog, told of it
     * @param requeued whether a restart count showed that it was requeued
     * @param replaced whether a later run of the same job id is known
     * @param oomCounted whether a cgroup of it counted an OOM kill at its own limit
     */
    record Said(@Nullable String rawState, @Nullable String stateReason, boolean schedulerEnd,
            @Nullable JobState finalState, @Nullable Integer exitCode, @Nullable Integer signal,
            @Nullable Integer derivedExitCode, @Nullable String cancelledBy,
            boolean startSeen, boolean endSeen, boolean requeued, boolean replaced, boolean oomCounted) {
    }

    /**
     * What it used on one node.
     *
     * @param cpus that it has there
     * @param samples of the CPU use
     * @param coveredSeconds the time that all samples stand for
     * @param suspendedSeconds the part of that in which Slurm had it suspended
     * @param isSuspended whether it was, by the last sample, and that is fresh
     * @param cpuPercent, cpuMaxPercent of its CPUs there, on average and at most; so {@code lastCpuPercent}, at last
     * @param memoryPeak by memory.peak or a sample, page cache in it
     * @param anonMax what its programs took for themselves, of the samples
     * @param shmem what its processes share, at last; counts as page cache, but cannot be taken back
     * @param throttledSeconds added up over CPUs
     * @param memoryStallSeconds, ioStallSeconds in which all its tasks waited at once
     */
    record OnNode(String node, double cpus, long samples, double coveredSeconds, double suspendedSeconds,
            boolean isSuspended, @Nullable Instant lastSample, double cpuPercent, double cpuMaxPercent,
            double lastCpuPercent, double memoryPeak, double memoryLimit,
            double anonMax, double shmem, double throttledSeconds, double memoryStallSeconds, double ioStallSeconds,
            double oomKills) {

        /** CPUs that were busy, on average. */
        double cpusUsed() {
            return cpus * cpuPercent / 100;
        }

        /** CPUs that were busy in the busiest sample. */
        double cpusUsedAtMost() {
            return cpus * cpuMaxPercent / 100;
        }

        /** What the kernel could not have taken back. */
        double needed() {
            return anonMax + (Double.isNaN(shmem) ? 0 : shmem);
        }
    }

    /**
     * What it did with one GPU.
     *
     * @param hold whether what the GPU did was the run's doing
     * @param heldFrom since when it has been known to have the GPU
     * @param samples of its use
     * @param percent, maxPercent its use, on average and at most
     * @param lastUsed the last sample in which it did anything; null if it never did
     * @param lastSample the last one that told of its use
     * @param processes of the job that had it open, at most
     */
    record OnGpu(String node, String gpu, GpuHold hold, Instant heldFrom, long samples, double percent,
            double maxPercent,
            @Nullable Instant lastUsed, @Nullable Instant lastSample, double processes) {
    }

    /**
     * A run that has ended, as far as it tells what to ask for.
     *
     * @param isSure whether its state is confirmed
     * @param nodes how many it had
     * @param seconds for how long it ran
     * @param memoryPeak, memoryLimit, needed of one node: the most; {@code needed} as {@link OnNode#needed}
     * @param cpus, cpusUsedAtMost of one node, where the use was the highest
     * @param samples of the node that has the fewest
     * @param coverage as {@link #coverage()}
     */
    record Task(JobState state, @Nullable Reason reason, boolean isSure, int nodes, double seconds,
            double timeLimitSeconds, double memoryPeak, double memoryLimit, double needed, double cpus,
            double cpusUsedAtMost, long samples, double coverage, boolean oomKilled) {

        /** It did all that it was to do, beyond doubt. */
        boolean isDone() {
            return state == JobState.COMPLETED && isSure && !oomKilled;
        }

        /** Its time limit ended it. */
        boolean isOutOfTime() {
            return reason == Reason.TIMEOUT;
        }
    }

    /** What this run tells of what to ask for. */
    Task asTask() {
        Optional<OnNode> busiest = nodes.stream().filter(on -> on.cpusUsedAtMost() >= 0)
                .max(Comparator.comparingDouble(OnNode::cpusUsedAtMost));
        return new Task(run.state(), run.reason(), Boolean.TRUE.equals(run.confirmed()),
                Math.max(run.nodes().size(), nodes.size()), ranSeconds(), run.timeLimitSeconds(),
                most(OnNode::memoryPeak), nodes.isEmpty() ? sharedOut() : most(this::limit), most(OnNode::needed),
                busiest.map(OnNode::cpus).orElse(Double.NaN), busiest.map(OnNode::cpusUsedAtMost).orElse(Double.NaN),
                samples(), coverage(), metItsLimit());
    }

    /** Whether it was killed for memory that it may not use: what the node itself lacked is not held against it. */
    private boolean metItsLimit() {
        return said.oomCounted() || run.reason() == Reason.OUT_OF_MEMORY
                || (kills.isEmpty() ? oomKills() > 0 : kills.stream().anyMatch(kill -> kill.cause() == OomCause.LIMIT));
    }

    private double most(ToDoubleFunction<OnNode> figure) {
        return nodes.stream().mapToDouble(figure).filter(Double::isFinite).max().orElse(Double.NaN);
    }

    /** The memory that it may use on a node: what the kernel enforces, or else an equal part of what it was given. */
    double limit(OnNode on) {
        return Double.isNaN(on.memoryLimit()) ? sharedOut() : on.memoryLimit();
    }

    private double sharedOut() {
        return run.memoryMb() * (1 << 20) / Math.max(run.nodes().size(), 1);
    }

    /** For how long Slurm had it suspended, by whoever knows of more: Slurm tells when it is over, an agent what it saw. */
    double suspendedSeconds() {
        double seen = most(OnNode::suspendedSeconds);
        return Math.max(Double.isNaN(seen) ? 0 : seen,
                Double.isNaN(run.suspendedSeconds()) ? 0 : run.suspendedSeconds());
    }

    /** Whether it is suspended now. */
    boolean isSuspended() {
        boolean saysScheduler = said.rawState() != null && said.rawState().startsWith("SUSPENDED");
        return !run.hasEnded() && (saysScheduler || nodes.stream().anyMatch(OnNode::isSuspended));
    }

    /** From its start to its end or until now, without the time that it was suspended, which its time limit leaves out, too. */
    double ranSeconds() {
        return Math.max(0, run.seconds(now) - suspendedSeconds());
    }

    /** The time that samples stand for, as part of the time that it spent on its nodes, 0 to 1; NaN if not known. */
    double coverage() {
        double seconds = run.seconds(now);
        int count = Math.max(run.nodes().size(), nodes.size());
        DoubleSummaryStatistics covered = nodes.stream().mapToDouble(OnNode::coveredSeconds).filter(Double::isFinite)
                .summaryStatistics();
        return count == 0 || !(seconds > 0) || covered.getCount() == 0
                ? Double.NaN
                : Math.min(1, covered.getSum() / (seconds * count));
    }

    /** The fewest samples that any node has. */
    long samples() {
        return nodes.stream().mapToLong(OnNode::samples).min().orElse(0);
    }

    /** Processes that were killed for memory, by the kernel's count or as they were seen. */
    long oomKills() {
        double counted = nodes.stream().mapToDouble(OnNode::oomKills).filter(Double::isFinite).sum();
        return Math.max((long) counted, kills.stream().mapToLong(JobOomKill::killed).sum());
    }

    /** The newest sample of any node; null if there is none. */
    @Nullable
    Instant lastSample() {
        return nodes.stream().map(OnNode::lastSample).filter(Objects::nonNull).max(Comparator.naturalOrder())
                .orElse(null);
    }
}
