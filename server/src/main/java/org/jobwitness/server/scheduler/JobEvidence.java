package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.server.hosts.HostList;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** Makes evidence of a job in Slurm's record. Text that cannot be stored or shown as it is, such as control characters, is left out. */
final class JobEvidence {
    private static final int OOM_SIGNAL = 125;
    private static final int MAX_NAME_LENGTH = 256;
    private static final int MAX_DESCRIPTION_LENGTH = 512;

    private final Json json;

    JobEvidence(Json json) {
        this.json = json;
    }

    /**
     * Empty if its state is unknown to us.
     *
     * @param cluster where the job does not name its own
     * @param now by our clock: Slurm's record has no time of its own
     */
    Optional<Evidence.Reported> of(SlurmJob job, String cluster, Instant now) {
        return meaning(job).map(meaning -> {
            JobState state = meaning.state();
            boolean hasStarted = state == JobState.RUNNING || (state.isFinal() && job.nodes() != null);
            Instant start = hasStarted ? job.start() : null;
            Instant end = state.isFinal() ? job.end() : null;
            List<String> nodes = state == JobState.PENDING ? List.of() : hosts(job.nodes());
            Integer cpus = state == JobState.PENDING ? null : job.allocated().cpus();
            Identity identity = new Identity(
                    job.cluster() == null || !isText(job.cluster()) ? cluster : job.cluster(), job.jobId(),
                    (String) fitting("sluid", job.sluid()), start);
            Instant at = start == null && end != null ? end : now;
            WaitStatus exit = state.isFinal() ? job.exit() : null;
            WaitStatus derivedExit = state.isFinal() ? job.derivedExit() : null;
            return new Evidence.Reported(identity, at,
                    attributes(job, state, nodes, cpus), state, reason(job, meaning), job.state().raw(), end, null,
                    nodes.size() == 1 && cpus != null ? List.of(cpus) : List.of(), exit, raw(derivedExit),
                    job.submit());
        });
    }

    /** The job's GPUs on each node; empty if it has none, or Slurm does not report them. */
    List<NodeAllocation> gpus(SlurmJob job) {
        List<String> nodes = hosts(job.nodes());
        List<NodeAllocation> gpus = new ArrayList<>();
        if (nodes.size() == job.gpusOfNodes().size()) {
            for (int i = 0; i < nodes.size(); i++) {
                Integer count = Tres.gpuCount(job.gpusOfNodes().get(i));
                if (count != null) {
                    gpus.add(new NodeAllocation(nodes.get(i), count, null, Tres.gpuIndices(job.gpusOfNodes().get(i)),
                            null, false));
                }
            }
        }
        return gpus;
    }

    private static Optional<SlurmState.Meaning> meaning(SlurmJob job) {
        return job.accounted() ? job.state().end().or(job.state()::meaning) : job.state().meaning();
    }

    private JobAttributes attributes(SlurmJob job, JobState state, List<String> nodes, @Nullable Integer cpus) {
        boolean isWaiting = state == JobState.PENDING;
        boolean hasEnded = job.state().isCompleting() || job.state().end().isPresent(); // then its end is no deadline
        Instant deadline = state == JobState.RUNNING && !hasEnded && !job.accounted() && job.timeLimitMinutes() != null
                ? job.end()
                : null;
        JobAttributes placed = JobAttributes.of(fitting(job.user()), job.uid(), nodes);
        // slurmctld lists what is left of a job that completes; slurmdbd has a record of each size of a running one.
        boolean isAll = !job.state().isCompleting() && (state.isFinal() || !job.accounted());
        return (isAll ? placed.withNodesTold() : placed)
                .withPartition(fitting(job.partition()), fitting(job.account()))
                .withRun(job.hetJobId(), job.restartCount(), deadline)
                .withAllocated(isWaiting ? Resources.UNKNOWN : job.allocated().withCpus(cpus))
                .withRequested(job.requested()).withScheduler(words(job));
    }

    private Map<String, @Nullable Object> words(SlurmJob job) {
        Map<String, @Nullable Object> words = new LinkedHashMap<>();
        add(words, "type", "slurm");
        boolean mayBeAltered = job.accounted() && job.name() != null && job.name().contains("`");
        add(words, "name", mayBeAltered ? null : job.name()); // a " in it is a ` in slurmdbd
        add(words, "qos", job.qos());
        add(words, "priority", job.priority());
        add(words, "submit_time", job.submit() == null ? null : job.submit().toString());
        add(words, "time_limit_minutes", job.timeLimitMinutes());
        if (job.unlimited()) {
            words.put("time_limit_minutes", null);
        }
        add(words, "suspended_seconds", job.suspendedSeconds());
        if (!job.accounted()) {
            addReason(words, job.stateReason());
            words.put("array_tasks", null);
            words.put("array_task_count", null);
            words.put("state_description", shortened(job.stateDescription()));
        }
        add(words, "array_job_id", job.arrayJobId());
        if (job.arrayTasks() != null) {
            add(words, "array_tasks", job.arrayTasks().text());
            add(words, "array_task_count", job.arrayTasks().count());
        }
        add(words, "array_task_id", job.arrayTaskId());
        add(words, "het_job_offset", job.hetJobOffset());
        add(words, "failed_node", job.failedNode());
        add(words, "cancelled_by", job.killedBy());
        add(words, "tasks", job.terms().tasks());
        add(words, "cpus_per_task", job.terms().cpusPerTask());
        add(words, "memory_per_cpu_mb", job.terms().memoryPerCpuMb());
        add(words, "memory_per_node_mb", job.terms().memoryPerNodeMb());
        add(words, "memory_per_tres", job.terms().memoryPerTres());
        job.terms().tres().forEach((name, text) -> add(words, name, text));
        add(words, "exclusive", job.terms().exclusive());
        add(words, "batch", job.batch());
        return words;
    }

    private void addReason(Map<String, @Nullable Object> words, @Nullable String reason) {
        if ("None".equals(reason)) {
            words.put("state_reason", null);
        } else {
            add(words, "state_reason", reason);
        }
    }

    /** Slurm's text, which may list many nodes, and of which a site's plugins may make anything. */
    private static @Nullable String shortened(@Nullable String text) {
        if (text == null) {
            return null;
        }
        StringBuilder kept = new StringBuilder();
        text.codePoints().limit(MAX_DESCRIPTION_LENGTH).map(c -> isHarmless(c) ? c : '?')
                .forEach(kept::appendCodePoint);
        return kept.toString();
    }

    private void add(Map<String, @Nullable Object> words, String name, @Nullable Object value) {
        Object fitting = fitting(name, value);
        if (fitting != null) {
            words.put(name, fitting);
        }
    }

    /** The value, if {@link Scheduler} takes it. */
    private @Nullable Object fitting(String name, @Nullable Object value) {
        if (value == null) {
            return null;
        }
        try {
            return json.fields(json.object(Map.of(name, value), Scheduler.class)).get(name);
        } catch (JacksonException | InvalidFieldException e) {
            return null;
        }
    }

    /** The text, if it can be stored and shown. */
    static @Nullable String fitting(@Nullable String text) {
        return text != null && isText(text) ? text : null;
    }

    private static boolean isText(String text) {
        return text.length() <= MAX_NAME_LENGTH && text.codePoints().allMatch(JobEvidence::isHarmless);
    }

    private static boolean isHarmless(int c) {
        return !Character.isISOControl(c) && (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE);
    }

    private static List<String> hosts(@Nullable String expression) {
        try {
            return expression == null ? List.of() : HostList.expand("nodes", List.of(expression));
        } catch (InvalidFieldException e) {
            return List.of();
        }
    }

    private static @Nullable Reason reason(SlurmJob job, SlurmState.Meaning meaning) {
        if (meaning.reason() == Reason.CANCELLED && job.killedBy() != null) {
            boolean byUser = job.killedBy().equals(job.user())
                    || job.killedBy().equals(Objects.toString(job.uid(), null));
            return byUser ? Reason.CANCELLED_BY_USER : Reason.CANCELLED_BY_ADMIN;
        }
        return meaning.reason() == Reason.UNKNOWN ? failure(job) : meaning.reason();
    }

    /** Slurm calls a job FAILED for many reasons; its exit status shows most of them. */
    private static Reason failure(SlurmJob job) {
        WaitStatus exit = job.exit();
        if (exit != null && exit.signal() != 0) {
            return exit.signal() == OOM_SIGNAL ? Reason.OUT_OF_MEMORY : Reason.SIGNAL;
        }
        if (exit != null && exit.exitCode() != 0) {
            return Reason.EXIT_CODE;
        }
        String why = job.stateReason() == null ? "" : job.stateReason();
        return switch (why) {
            case "NonZeroExitCode" -> Reason.EXIT_CODE;
            case "JobLaunchFailure" -> Reason.LAUNCH_FAILURE;
            case "NodeDown" -> Reason.NODE_FAILURE;
            case "OutOfMemory" -> Reason.OUT_OF_MEMORY;
            case "TimeLimit" -> Reason.TIMEOUT;
            default -> why.startsWith("RaisedSignal") ? Reason.SIGNAL : Reason.UNKNOWN;
        };
    }

    private static @Nullable Integer raw(@Nullable WaitStatus status) {
        return status == null ? null : Integer.valueOf(status.exitCode() << 8 | status.signal());
    }
}
