package org.jobwitness.server.job;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What a run is: whose, where, with what. Every hook of every node may add to it; what is known is never reset, but by the
 * scheduler, which may change its mind.
 *
 * @param nodes the run's nodes, in Slurm's order
 * @param restartCount how often the job had been requeued when the run began, as its prolog said
 * @param deadline when its time limit ends it, as its prolog said, or the scheduler since then; none where the scheduler says
 *     that there is no limit: slurmctld gives such a run an end in a year, and the prolog is told of that
 * @param gpus, gpuVendor, gpuDevices, cgroupPath what was said of the job as a whole; {@link NodeAllocation} has each node's own
 * @param scheduler what is carried and shown but decides nothing: fields of {@code wire.Scheduler} by their JSON names. Null is
 *     a word, too: that there is no such thing, or no longer. It is kept, so that what comes late does not bring back the old one
 */
public record JobAttributes(@Nullable String user, @Nullable Integer uid, List<String> nodes,
        @Nullable String partition,
        @Nullable String account, @Nullable String hetJobId, @Nullable Integer restartCount,
        @Nullable Instant deadline, @Nullable Integer cpus, @Nullable Long memoryMb, @Nullable Integer gpus,
        @Nullable GpuVendor gpuVendor, List<String> gpuDevices, @Nullable String cgroupPath, Resources requested,
        Map<String, @Nullable Object> scheduler) {
    private static final String TIME_LIMIT = "time_limit_minutes";
    private static final String STATE_REASON = "state_reason";

    public static final JobAttributes NOTHING = new JobAttributes(null, null, List.of(), null, null, null, null, null,
            null, null, null,
            null, List.of(), null);

    public JobAttributes {
        nodes = List.copyOf(nodes);
        gpuDevices = List.copyOf(gpuDevices);
        scheduler = asJsonGivesItBack(scheduler);
        deadline = scheduler.containsKey(TIME_LIMIT) && scheduler.get(TIME_LIMIT) == null ? null : deadline;
    }

    /** Else a word that was stored and read again would look like another one. */
    private static Map<String, @Nullable Object> asJsonGivesItBack(Map<String, @Nullable Object> words) {
        Map<String, @Nullable Object> plain = new LinkedHashMap<>();
        words.forEach((name, value) -> plain.put(name, asJsonGivesItBack(value)));
        return Collections.unmodifiableMap(plain);
    }

    private static @Nullable Object asJsonGivesItBack(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case Long number when number == number.intValue() -> number.intValue();
            case Double number -> withoutExponent(number);
            case Instant time -> time.toString();
            case Map<?, ?> map -> {
                Map<Object, @Nullable Object> plain = new LinkedHashMap<>();
                map.forEach((name, element) -> plain.put(name, asJsonGivesItBack(element)));
                yield Collections.unmodifiableMap(plain);
            }
            case List<?> list -> list.stream().map(JobAttributes::asJsonGivesItBack).toList();
            default -> value;
        };
    }

    /** The database writes 1.0E7 as 10000000, which reads as a whole number. */
    private static Number withoutExponent(Double number) {
        BigDecimal exact = new BigDecimal(number.toString());
        if (exact.stripTrailingZeros().scale() > 0) {
            return number;
        }
        BigInteger whole = exact.toBigInteger();
        return whole.bitLength() < Integer.SIZE
                ? Integer.valueOf(whole.intValue())
                : whole.bitLength() < Long.SIZE ? Long.valueOf(whole.longValue()) : whole;
    }

    /** Without what only a scheduler, or who makes a job by hand, can tell. */
    public JobAttributes(@Nullable String user, @Nullable Integer uid, List<String> nodes, @Nullable String partition,
            @Nullable String account, @Nullable String hetJobId, @Nullable Integer restartCount,
            @Nullable Instant deadline, @Nullable Integer cpus, @Nullable Long memoryMb, @Nullable Integer gpus,
            @Nullable GpuVendor gpuVendor, List<String> gpuDevices, @Nullable String cgroupPath) {
        this(user, uid, nodes, partition, account, hetJobId, restartCount, deadline, cpus, memoryMb, gpus, gpuVendor,
                gpuDevices, cgroupPath, Resources.UNKNOWN, Map.of());
    }

    /** The same, with the scheduler's words. */
    public JobAttributes with(Resources asked, Map<String, @Nullable Object> words) {
        return new JobAttributes(user, uid, nodes, partition, account, hetJobId, restartCount, deadline, cpus, memoryMb,
                gpus,
                gpuVendor, gpuDevices, cgroupPath, asked, words);
    }

    /** The same, but for some of the scheduler's words. */
    JobAttributes without(Set<String> words) {
        Map<String, @Nullable Object> rest = new LinkedHashMap<>(scheduler);
        rest.keySet().removeAll(words);
        return with(requested, rest);
    }

    /** The same of a run that waits no more: why it waited is over. */
    JobAttributes noLongerWaiting() {
        Map<String, @Nullable Object> rest = new LinkedHashMap<>(scheduler);
        rest.replace(STATE_REASON, null);
        return with(requested, rest);
    }

    /** Of this, only what the scheduler may change while the run waits or goes on. */
    JobAttributes changeable() {
        return new JobAttributes(null, null, List.of(), partition, account, null, null, deadline, null, null, null,
                null,
                List.of(), null, Resources.UNKNOWN, scheduler);
    }

    /** The same, but for what the scheduler may change and now says otherwise: whoever spoke first, it knows better. */
    JobAttributes changedTo(JobAttributes said) {
        return new JobAttributes(user, uid, nodes, said.partition == null ? partition : said.partition,
                said.account == null ? account : said.account, hetJobId, restartCount,
                said.deadline == null ? deadline : said.deadline, cpus, memoryMb, gpus, gpuVendor, gpuDevices,
                cgroupPath, requested, scheduler);
    }

    JobAttributes add(JobAttributes said, Differences differences) {
        return new JobAttributes(differences.keep("user", user, said.user), differences.keep("uid", uid, said.uid),
                union(nodes, said.nodes), differences.keep("partition", partition, said.partition),
                differences.keep("account", account, said.account),
                differences.keep("het_job_id", hetJobId, said.hetJobId),
                differences.keep("restart_count", restartCount, said.restartCount),
                differences.keep("deadline", deadline, said.deadline),
                differences.keep("allocated_cpus", cpus, said.cpus),
                differences.keep("allocated_memory_mb", memoryMb, said.memoryMb),
                differences.keep("allocated_gpus", gpus, said.gpus),
                differences.keep("gpu_vendor", gpuVendor, said.gpuVendor),
                differences.keep("gpu_devices", gpuDevices, said.gpuDevices),
                differences.keep("cgroup_path", cgroupPath, said.cgroupPath),
                new Resources(differences.keep("requested_cpus", requested.cpus(), said.requested.cpus()),
                        differences.keep("requested_memory_mb", requested.memoryMb(), said.requested.memoryMb()),
                        differences.keep("requested_gpus", requested.gpus(), said.requested.gpus())),
                newest(scheduler, said.scheduler));
    }

    /** A scheduler changes its mind (priority, name, time limit), so here the last word stands. */
    private static Map<String, @Nullable Object> newest(Map<String, @Nullable Object> known,
            Map<String, @Nullable Object> said) {
        if (said.isEmpty()) {
            return known;
        }
        Map<String, @Nullable Object> all = new LinkedHashMap<>(known);
        all.putAll(said);
        return all;
    }

    /** All names of both. A list that holds the other one gives the order, whichever of them was said first. */
    private static List<String> union(List<String> known, List<String> said) {
        if (known.equals(said) || said.isEmpty()) {
            return known;
        }
        Set<String> all = new LinkedHashSet<>(said);
        if (!all.containsAll(known)) {
            all = new LinkedHashSet<>(known);
            all.addAll(said);
        }
        return List.copyOf(all);
    }
}
