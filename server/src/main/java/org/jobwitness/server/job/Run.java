package org.jobwitness.server.job;

import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/**
 * One run of a job, as all evidence so far describes it.
 *
 * @param key its primary key; 0 before it is stored
 * @param recordedAt when the server got the first report of it
 * @param startSeen whether a prolog reported it
 * @param startTime Slurm's start of the run, else the first prolog's time
 * @param onNode what it has on the node that reports; null if no node reports, or nothing is known
 */
public record Run(long key, Instant recordedAt, Identity identity, boolean startSeen, @Nullable Instant startTime,
        JobAttributes attributes, EndEvidence end, @Nullable NodeAllocation onNode) {

    /** Oldest first; the last one is the newest run of its job id. One that is not stored yet comes last. */
    static final Comparator<Run> OLDEST_FIRST = Comparator.comparing(Run::since).thenComparing(Run::recordedAt)
            .thenComparing(Run::key, Comparator.comparing((Long key) -> key == 0).thenComparing(key -> key));

    public Outcome outcome() {
        return isPending() ? new Outcome(JobState.PENDING, null, null) : Outcome.of(attributes, end);
    }

    /** Only the scheduler knows pending jobs. A start of any kind, or an end, shows that it is no longer pending. */
    private boolean isPending() {
        return end.scheduler() != null && end.scheduler().state() == JobState.PENDING && startTime == null
                && end.strength() == EndEvidence.Strength.NONE && !end.superseded();
    }

    boolean hasEnded() {
        return outcome().state().isFinal();
    }

    Instant since() {
        if (startTime != null) {
            return startTime;
        }
        return end.at() != null ? end.at() : recordedAt;
    }

    /** A run that is not stored, without evidence. */
    static Run unknown(Identity identity, Instant now) {
        return new Run(0, now, identity, false, null, JobAttributes.NONE, EndEvidence.NONE, null);
    }

    /** With what names and describes it; Slurm's own start time replaces any other one. */
    Run with(Identity names, JobAttributes merged, @Nullable NodeAllocation reporting) {
        return new Run(key, recordedAt, names, startSeen, names.startTime() != null ? names.startTime() : startTime,
                merged, end, reporting);
    }

    Run withStart(boolean seen, @Nullable Instant time) {
        return new Run(key, recordedAt, identity, seen, time, attributes, end, onNode);
    }

    Run withEnd(EndEvidence changed) {
        return new Run(key, recordedAt, identity, startSeen, startTime, attributes, changed, onNode);
    }

    Run withOnNode(@Nullable NodeAllocation reporting) {
        return new Run(key, recordedAt, identity, startSeen, startTime, attributes, end, reporting);
    }

    Run withKey(long stored) {
        return new Run(stored, recordedAt, identity, startSeen, startTime, attributes, end, onNode);
    }

    /** The fields that the audit trail records, by their names in the API, without unknown ones. */
    Map<String, Object> audited() {
        Map<String, Object> fields = new LinkedHashMap<>();
        Outcome outcome = outcome();
        put(fields, "job_id", identity.jobId());
        put(fields, "cluster", identity.cluster());
        put(fields, "sluid", identity.sluid());
        put(fields, "state", outcome.state());
        put(fields, "reason", outcome.reason());
        put(fields, "confirmed", outcome.confirmed());
        put(fields, "raw_state", end.scheduler() == null ? null : end.scheduler().rawState());
        put(fields, "start_time", startTime);
        put(fields, "end_time", end.at());
        put(fields, "deadline", attributes.deadline());
        put(fields, "user", attributes.user());
        put(fields, "uid", attributes.uid());
        put(fields, "nodes", attributes.nodes().isEmpty() ? null : attributes.nodes());
        put(fields, "partition", attributes.partition());
        put(fields, "account", attributes.account());
        put(fields, "het_job_id", attributes.hetJobId());
        put(fields, "restart_count", attributes.restartCount());
        put(fields, "allocated_cpus", attributes.allocated().cpus());
        put(fields, "allocated_memory_mb", attributes.allocated().memoryMb());
        put(fields, "allocated_gpus", attributes.allocated().gpus());
        put(fields, "gpu_vendor", attributes.gpuVendor());
        put(fields, "gpu_devices", attributes.gpuDevices().isEmpty() ? null : attributes.gpuDevices());
        put(fields, "cgroup_path", attributes.cgroupPath());
        put(fields, "requested_cpus", attributes.requested().cpus());
        put(fields, "requested_memory_mb", attributes.requested().memoryMb());
        put(fields, "requested_gpus", attributes.requested().gpus());
        attributes.scheduler().forEach((name, value) -> put(fields, "scheduler." + name, value));
        put(fields, "final_state", end.finalState());
        put(fields, "exit_code", end.exit() == null ? null : end.exit().exitCode());
        put(fields, "signal", end.exit() == null ? null : end.exit().signal());
        put(fields, "derived_exit_code", end.derivedExitCode());
        put(fields, "end_restart_count", end.restartCount());
        put(fields, "oom_killed", end.oomKilled() ? true : null);
        put(fields, "seen_only_at_end", (!startSeen && end.seen()) ? true : null);
        if (onNode != null) {
            putOnNode(fields, "node " + onNode.node() + " ", onNode);
        }
        return fields;
    }

    private static void putOnNode(Map<String, Object> fields, String prefix, NodeAllocation onNode) {
        put(fields, prefix + "gpus", onNode.gpus());
        put(fields, prefix + "gpu_vendor", onNode.gpuVendor());
        put(fields, prefix + "gpu_devices", onNode.gpuDevices().isEmpty() ? null : onNode.gpuDevices());
        put(fields, prefix + "cgroup_path", onNode.cgroupPath());
        put(fields, prefix + "ended", onNode.ended() ? true : null);
    }

    private static void put(Map<String, Object> fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.put(name, value);
        }
    }
}
