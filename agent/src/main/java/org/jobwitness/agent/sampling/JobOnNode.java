package org.jobwitness.agent.sampling;

import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import org.jobwitness.agent.assignment.PrologClaim;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.agent.sampling.PrologEvents.Announcement;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/** A job that the sampler knows of, from when its cgroup is seen until it is gone. */
public final class JobOnNode {
    /** With hidepid nobody tells. */
    private static final int TRIES_TO_ASK_PROCESSES = 5;

    final JobCgroup cgroup;
    final String node;
    private @Nullable Instant since;
    private @Nullable String jobId;
    private @Nullable String sluid;
    private @Nullable Instant startTime;
    private @Nullable Integer uid;
    private @Nullable String user;
    private @Nullable Announcement announcement;
    private @Nullable String gpuHint;

    /** When it is to be read apart from the others, by System.nanoTime; null if it is not. */
    private @Nullable Long dueNanos;
    private long readNanos;
    private long toldNanos;
    private int triesToAskProcesses;
    private int triesToAskForGpus;
    private @Nullable Long emptySinceNanos;
    private boolean hasComeBack;
    private boolean saidUnknown;
    private boolean saidLeft;

    /** @param since when its cgroup was made; null if nobody saw it */
    public JobOnNode(JobCgroup cgroup, JobName name, String node, @Nullable Instant since, long nanos) {
        this.cgroup = cgroup;
        this.node = node;
        this.since = since;
        this.jobId = name.jobId();
        this.sluid = name.sluid();
        this.readNanos = nanos;
        this.toldNanos = nanos;
    }

    /** It was listed before we were told that it was made. */
    void learnMadeAt(Instant at) {
        if (isSinceOpen()) {
            since = at;
        }
    }

    /** Its cgroup was removed, and made anew. When the first one was made, the second does not tell. */
    void comeBack() {
        cgroup.reopen();
        hasComeBack = true;
    }

    private boolean isSinceOpen() {
        return since == null && !hasComeBack;
    }

    /** Who it is, found out as far as that is possible by now. Empty while nobody tells the job id of a SLUID. */
    public Optional<JobCgroup.Identity> identify(PrologEvents announcements, Processes processes) {
        if (jobId == null && sluid != null) {
            jobId = announcements.ofSluid(sluid).map(Announcement::jobId).or(() -> cgroup.daemons().stream()
                    .flatMap(pid -> processes.jobServedBy(pid).stream()).findFirst()).orElse(null);
        }
        String id = jobId;
        if (id == null) {
            return Optional.empty();
        }
        announcements.ofJob(id).filter(said -> !said.equals(announcement))
                .filter(said -> sluid == null || said.sluid() == null || sluid.equals(said.sluid()))
                .ifPresent(this::learn);
        if ((isSinceOpen() || uid == null) && triesToAskProcesses++ < TRIES_TO_ASK_PROCESSES) {
            askProcesses(processes);
        }
        return Optional.of(new JobCgroup.Identity(id, sluid, startTime, since, uid, user));
    }

    private void askProcesses(Processes processes) {
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

    /** Of the GPUs that it was given. */
    PrologClaim claim(String id, Processes processes) {
        Announcement said = announcement;
        if (said != null) {
            return new PrologClaim(id, said.gpuDevices(), said.gpuVendor(), null);
        }
        if (gpuHint == null && triesToAskForGpus++ < TRIES_TO_ASK_PROCESSES) {
            gpuHint = cgroup.tasks().stream().flatMap(pid -> processes.variable(pid, "SLURM_JOB_GPUS").stream())
                    .filter(indexes -> indexes.matches("[0-9,-]{1,64}")).findFirst().orElse(null);
        }
        return new PrologClaim(id, null, null, gpuHint);
    }

    /** What its prolog said, and was heard. */
    Optional<Announcement> announcement() {
        return Optional.ofNullable(announcement);
    }

    private void learn(Announcement said) {
        announcement = said;
        sluid = said.sluid() == null ? sluid : said.sluid();
        startTime = said.startTime();
        uid = said.uid();
        user = said.user();
    }

    /** Asks for a reading of its own, at that time or earlier. */
    void makeDueAt(long nanos) {
        if (dueNanos == null || nanos - dueNanos < 0) {
            dueNanos = nanos;
        }
    }

    boolean isDue(long nanos) {
        return dueNanos != null && dueNanos - nanos <= 0;
    }

    /** Nanoseconds until it is due; the longest if it is not. */
    long untilDue(long nanos) {
        return dueNanos == null ? Long.MAX_VALUE : Math.max(0, dueNanos - nanos);
    }

    boolean read(Instant at, long nanos) {
        dueNanos = null;
        readNanos = nanos;
        return cgroup.read(at, nanos);
    }

    /** What was read last, to be told now. */
    Optional<JobReading> take(JobCgroup.Identity identity, Instant batchAt, @Nullable Integer batchIntervalMs,
            long nanos) {
        toldNanos = nanos;
        return cgroup.take(identity, batchAt, batchIntervalMs, false);
    }

    /** When it was told of last, or began, by System.nanoTime. */
    long toldNanos() {
        return toldNanos;
    }

    /** When it was read last, by System.nanoTime. */
    long readNanos() {
        return readNanos;
    }

    /** True the first time. */
    boolean noteUnknown() {
        boolean first = !saidUnknown;
        saidUnknown = true;
        return first;
    }

    /** Whether it has had processes, and has none now. */
    boolean lookWhetherEmpty(long nanos) {
        if (!cgroup.hasEmptied()) {
            emptySinceNanos = null;
            saidLeft = false;
            return false;
        }
        if (emptySinceNanos == null) {
            emptySinceNanos = nanos;
        }
        return true;
    }

    boolean hasBeenEmptyFor(long howLong, long nanos) {
        return emptySinceNanos != null && nanos - emptySinceNanos > howLong;
    }

    /** True the first time since it has been empty. */
    boolean noteLeft() {
        boolean first = !saidLeft;
        saidLeft = true;
        return first;
    }
}
