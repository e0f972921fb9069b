package org.jobwitness.server.job;

import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;

/**
 * One run of a job, as all evidence so far tells it.
 *
 * @param key the database's name for it; 0 before it is stored
 * @param recordedAt when the server first heard of it
 * @param startSeen whether a prolog told of it
 * @param startTime Slurm's start of the run, else the first prolog's time
 * @param here what is known of it on the node that is speaking; null if none is, or nothing
 */
public record Run(long key, Instant recordedAt, Identity identity, boolean startSeen, @Nullable Instant startTime,
        JobAttributes about, EndEvidence end, @Nullable NodeAllocation here) {

    /** Oldest first; the last one is the newest run of its job id. One that is not stored yet was heard of last. */
    static final Comparator<Run> OLDEST_FIRST = Comparator.comparing(Run::since).thenComparing(Run::recordedAt)
            .thenComparing(Run::key, Comparator.comparing((Long key) -> key == 0).thenComparing(key -> key));

    public Outcome outcome() {
        return isPending() ? new Outcome(JobState.PENDING, null, null) : Outcome.of(about, end);
    }

    /** Only the scheduler knows jobs that wait. A start of any kind, or an end, says that it waits no more. */
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

    Run withEnd(EndEvidence changed) {
        return new Run(key, recordedAt, identity, startSeen, startTime, about, changed, here);
    }

    Run withKey(long stored) {
        return new Run(stored, recordedAt, identity, startSeen, startTime, about, end, here);
    }

    /** The fields that the audit trail watches, under the names that the API gives them. Unknown ones are left out. */
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
        put(fields, "deadline", about.deadline());
        put(fields, "user", about.user());
        put(fields, "uid", about.uid());
        put(fields, "nodes", about.nodes().isEmpty() ? null : about.nodes());
        put(fields, "partition", about.partition());
        put(fields, "account", about.account());
        put(fields, "het_job_id", about.hetJobId());
        put(fields, "restart_count", about.restartCount());
        put(fields, "allocated_cpus", about.cpus());
        put(fields, "allocated_memory_mb", about.memoryMb());
        put(fields, "allocated_gpus", about.gpus());
        put(fields, "gpu_vendor", about.gpuVendor());
        put(fields, "gpu_devices", about.gpuDevices().isEmpty() ? null : about.gpuDevices());
        put(fields, "cgroup_path", about.cgroupPath());
        put(fields, "requested_cpus", about.requested().cpus());
        put(fields, "requested_memory_mb", about.requested().memoryMb());
        put(fields, "requested_gpus", about.requested().gpus());
        about.scheduler().forEach((name, value) -> put(fields, "scheduler." + name, value));
        put(fields, "final_state", end.finalState());
        put(fields, "exit_code", end.exit() == null ? null : end.exit().exitCode());
        put(fields, "signal", end.exit() == null ? null : end.exit().signal());
        put(fields, "derived_exit_code", end.derivedExitCode());
        put(fields, "end_restart_count", end.restartCount());
        put(fields, "oom_killed", end.oomKilled() ? true : null);
        put(fields, "seen_only_at_end", (!startSeen && end.seen()) ? true : null);
        if (here != null) {
            String prefix = "node " + here.node() + " ";
            put(fields, prefix + "gpus", here.gpus());
            put(fields, prefix + "gpu_vendor", here.gpuVendor());
            put(fields, prefix + "gpu_devices", here.gpuDevices().isEmpty() ? null : here.gpuDevices());
            put(fields, prefix + "cgroup_path", here.cgroupPath());
            put(fields, prefix + "ended", here.ended() ? true : null);
        }
        return fields;
    }

    private static void put(Map<String, Object> fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.put(name, value);
        }
    }
}
