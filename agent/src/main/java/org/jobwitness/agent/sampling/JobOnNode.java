package org.jobwitness.agent.sampling;

import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import org.jobwitness.agent.assignment.PrologClaim;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/** A job on this node, from when its cgroup is found until it is removed. */
public final class JobOnNode {
    /** With hidepid processes show nothing. */
    private static final int MAX_PROCESS_READS = 5;

    final JobCgroup cgroup;
    String node;
    private @Nullable Instant since;
    private @Nullable String jobId;
    private @Nullable String sluid;
    private @Nullable Instant startTime;
    private @Nullable Long uid;
    private @Nullable String user;
    private @Nullable PrologEvent prologEvent;
    private @Nullable String gpuHint;

    /** When it is read outside of the cycles, in monotonic nanoseconds; null if it is not. */
    private @Nullable Long dueNanos;
    private long readNanos;
    private long sentNanos;
    private int processReads;
    private int gpuHintReads;
    private @Nullable Long emptySinceNanos;
    private boolean hasReturned;
    private boolean isUnknownMarked;
    private boolean isAbandonedMarked;

    /** @param since when its cgroup was created; null if unknown */
    public JobOnNode(JobCgroup cgroup, JobName name, String node, @Nullable Instant since, long nanos) {
        this.cgroup = cgroup;
        this.node = node;
        this.since = since;
        this.jobId = name.jobId();
        this.sluid = name.sluid();
        this.readNanos = nanos;
        this.sentNanos = nanos;
    }

    /** It was listed before the event of its creation arrived. */
    void setCreatedAt(Instant at) {
        if (isSinceOpen()) {
            since = at;
        }
    }

    /** Its cgroup was removed and recreated. The new one does not show when the first one was created. */
    void reopen() {
        cgroup.reopen();
        hasReturned = true;
    }

    private boolean isSinceOpen() {
        return since == null && !hasReturned;
    }

    /** Its identity, as far as it is known by now. Empty while the job id of a SLUID is unknown. */
    public Optional<JobCgroup.Identity> identify(PrologEvents prologEvents, Processes processes) {
        if (jobId == null && sluid != null) {
            jobId = prologEvents.ofSluid(sluid).map(PrologEvent::jobId).or(() -> cgroup.daemons().stream()
                    .flatMap(pid -> processes.jobOfSlurmstepd(pid).stream()).findFirst()).orElse(null);
        }
        String id = jobId;
        if (id == null) {
            return Optional.empty();
        }
        prologEvents.ofJob(id).filter(event -> !event.equals(prologEvent))
                .filter(event -> sluid == null || event.sluid() == null || sluid.equals(event.sluid()))
                .ifPresent(this::apply);
        if ((isSinceOpen() || uid == null) && processReads++ < MAX_PROCESS_READS) {
            readProcesses(processes);
        }
        return Optional.of(new JobCgroup.Identity(id, sluid, startTime, since, uid, user));
    }

    private void readProcesses(Processes processes) {
        if (isSinceOpen()) {
            since = cgroup.daemons().stream().flatMap(pid -> processes.started(pid).stream())
                    .min(Comparator.naturalOrder()).orElse(null);
        }
        if (uid == null) {
            // What Slurm put there for itself is root's.
            uid = cgroup.tasks().stream().flatMap(pid -> processes.owner(pid).stream()).filter(owner -> owner > 0)
                    .findFirst().orElse(null);
        }
    }

    /** Its claim to GPUs. */
    PrologClaim claim(String id, Processes processes) {
        PrologEvent event = prologEvent;
        if (event != null) {
            return new PrologClaim(id, event.gpuDevices(), event.gpuVendor(), null);
        }
        if (gpuHint == null && gpuHintReads++ < MAX_PROCESS_READS) {
            gpuHint = cgroup.tasks().stream().flatMap(pid -> processes.variable(pid, "SLURM_JOB_GPUS").stream())
                    .filter(indexes -> indexes.matches("[0-9,-]{1,64}")).findFirst().orElse(null);
        }
        return new PrologClaim(id, null, null, gpuHint);
    }

    /** The event of its prolog, if it was seen. */
    Optional<PrologEvent> prologEvent() {
        return Optional.ofNullable(prologEvent);
    }

    private void apply(PrologEvent event) {
        prologEvent = event;
        sluid = event.sluid() == null ? sluid : event.sluid();
        startTime = event.startTime();
        uid = event.uid();
        user = event.user();
    }

    /** Schedules a reading outside of the cycles, at that time or earlier. */
    void makeDueAt(long nanos) {
        if (dueNanos == null || nanos - dueNanos < 0) {
            dueNanos = nanos;
        }
    }

    void clearDue() {
        dueNanos = null;
    }

    boolean isDue(long nanos) {
        return dueNanos != null && dueNanos - nanos <= 0;
    }

    /** Nanoseconds until it is due; the maximum if it is not. */
    long nanosUntilDue(long nanos) {
        return dueNanos == null ? Long.MAX_VALUE : Math.max(0, dueNanos - nanos);
    }

    boolean read(Instant at, long nanos) {
        dueNanos = null;
        readNanos = nanos;
        return cgroup.read(at, nanos);
    }

    /** The last reading, to be sent now. */
    Optional<JobReading> take(JobCgroup.Identity identity, Instant batchAt, @Nullable Integer batchIntervalMs,
            long nanos) {
        sentNanos = nanos;
        return cgroup.take(identity, batchAt, batchIntervalMs, false);
    }

    /** When a reading of it was last taken, or it was found, in monotonic nanoseconds. */
    long sentNanos() {
        return sentNanos;
    }

    /** When it was last read, in monotonic nanoseconds. */
    long readNanos() {
        return readNanos;
    }

    /** True the first time. */
    boolean markUnknown() {
        boolean first = !isUnknownMarked;
        isUnknownMarked = true;
        return first;
    }

    /** Whether it had processes, and has none now. */
    boolean checkEmpty(long nanos) {
        if (!cgroup.hasEmptied()) {
            emptySinceNanos = null;
            isAbandonedMarked = false;
            return false;
        }
        if (emptySinceNanos == null) {
            emptySinceNanos = nanos;
        }
        return true;
    }

    boolean hasBeenEmptyFor(long durationNanos, long nanos) {
        return emptySinceNanos != null && nanos - emptySinceNanos > durationNanos;
    }

    /** Whether its last reading was sent, since it has been empty for long. */
    boolean isAbandoned() {
        return isAbandonedMarked;
    }

    /** True the first time since it became empty. */
    boolean markAbandoned() {
        boolean first = !isAbandonedMarked;
        isAbandonedMarked = true;
        return first;
    }
}
