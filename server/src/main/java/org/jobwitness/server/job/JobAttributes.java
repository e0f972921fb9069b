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
 * What a run is: its user, its nodes, its resources. Every hook of every node may add to it. Only the scheduler may change
 * what is known.
 *
 * @param nodes in Slurm's order; all that it had, also those that it gave up
 * @param nodesTold whether Slurm or its hooks listed them: then a node that only an agent's readings name is none of them
 * @param partition of a pending job that may start in any of several, all of them with commas between
 * @param restartCount how often the job had been requeued when the run began, by its prolog
 * @param deadline when its time limit expires, by its prolog, or by the scheduler since then; null where the scheduler
 *     reports that there is no limit: slurmctld gives such a run an end in a year, and passes that to the prolog
 * @param gpuVendor, gpuDevices, cgroupPath of the job as a whole; {@link NodeAllocation} has those of each node
 * @param scheduler shown, and nothing is decided by it: fields of {@code wire.Scheduler} by their JSON names. A null value
 *     means that the field has no value, or no longer. It is kept, so that a late report does not restore the old one
 */
public record JobAttributes(@Nullable String user, @Nullable Long uid, List<String> nodes, boolean nodesTold,
        @Nullable String partition, @Nullable String account, @Nullable String hetJobId,
        @Nullable Integer restartCount, @Nullable Instant deadline, Resources allocated, @Nullable GpuVendor gpuVendor,
        List<String> gpuDevices, @Nullable String cgroupPath, Resources requested,
        Map<String, @Nullable Object> scheduler) {
    private static final String TIME_LIMIT = "time_limit_minutes";
    private static final String STATE_REASON = "state_reason";
    private static final String STATE_DESCRIPTION = "state_description";

    public static final JobAttributes NONE = of(null, null, List.of());

    public JobAttributes {
        nodes = List.copyOf(nodes);
        gpuDevices = List.copyOf(gpuDevices);
        scheduler = asReadFromJson(scheduler);
        deadline = scheduler.containsKey(TIME_LIMIT) && scheduler.get(TIME_LIMIT) == null ? null : deadline;
    }

    /** Otherwise a value that was stored and read again would seem to have changed. */
    private static Map<String, @Nullable Object> asReadFromJson(Map<String, @Nullable Object> fields) {
        Map<String, @Nullable Object> plain = new LinkedHashMap<>();
        fields.forEach((name, value) -> plain.put(name, asReadFromJson(value)));
        return Collections.unmodifiableMap(plain);
    }

    private static @Nullable Object asReadFromJson(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case Long number when number == number.intValue() -> number.intValue();
            case Double number -> withoutExponent(number);
            case Instant time -> time.toString();
            case Map<?, ?> map -> {
                Map<Object, @Nullable Object> plain = new LinkedHashMap<>();
                map.forEach((name, element) -> plain.put(name, asReadFromJson(element)));
                yield Collections.unmodifiableMap(plain);
            }
            case List<?> list -> list.stream().map(JobAttributes::asReadFromJson).toList();
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

    /** Attributes without any but these; the others are added by {@code with...}. */
    public static JobAttributes of(@Nullable String user, @Nullable Long uid, List<String> nodes) {
        return new JobAttributes(user, uid, nodes, false, null, null, null, null, null, Resources.UNKNOWN, null,
                List.of(), null, Resources.UNKNOWN, Map.of());
    }

    /** The nodes are from a list of Slurm's. */
    public JobAttributes withNodesTold() {
        return new JobAttributes(user, uid, nodes, !nodes.isEmpty(), partition, account, hetJobId, restartCount,
                deadline, allocated, gpuVendor, gpuDevices, cgroupPath, requested, scheduler);
    }

    /** As an agent's readings describe a run of which this is known: without its node, where Slurm names others. */
    JobAttributes observed(JobAttributes known) {
        return !known.nodesTold || known.nodes.containsAll(nodes)
                ? this
                : new JobAttributes(user, uid, List.of(), false, partition, account, hetJobId, restartCount, deadline,
                        allocated, gpuVendor, gpuDevices, cgroupPath, requested, scheduler);
    }

    public JobAttributes withPartition(@Nullable String inPartition, @Nullable String ofAccount) {
        return new JobAttributes(user, uid, nodes, nodesTold, inPartition, ofAccount, hetJobId, restartCount, deadline,
                allocated,
                gpuVendor, gpuDevices, cgroupPath, requested, scheduler);
    }

    public JobAttributes withRun(@Nullable String ofHetJob, @Nullable Integer restarts, @Nullable Instant limitedTo) {
        return new JobAttributes(user, uid, nodes, nodesTold, partition, account, ofHetJob, restarts, limitedTo,
                allocated,
                gpuVendor, gpuDevices, cgroupPath, requested, scheduler);
    }

    public JobAttributes withAllocated(Resources resources) {
        return new JobAttributes(user, uid, nodes, nodesTold, partition, account, hetJobId, restartCount, deadline,
                resources,
                gpuVendor, gpuDevices, cgroupPath, requested, scheduler);
    }

    public JobAttributes withDevices(@Nullable GpuVendor vendor, List<String> devices, @Nullable String cgroup) {
        return new JobAttributes(user, uid, nodes, nodesTold, partition, account, hetJobId, restartCount, deadline,
                allocated,
                vendor, devices, cgroup, requested, scheduler);
    }

    public JobAttributes withRequested(Resources resources) {
        return new JobAttributes(user, uid, nodes, nodesTold, partition, account, hetJobId, restartCount, deadline,
                allocated,
                gpuVendor, gpuDevices, cgroupPath, resources, scheduler);
    }

    public JobAttributes withScheduler(Map<String, @Nullable Object> fields) {
        return new JobAttributes(user, uid, nodes, nodesTold, partition, account, hetJobId, restartCount, deadline,
                allocated,
                gpuVendor, gpuDevices, cgroupPath, requested, fields);
    }

    /** Without some of the scheduler's fields. */
    JobAttributes without(Set<String> fields) {
        Map<String, @Nullable Object> rest = new LinkedHashMap<>(scheduler);
        rest.keySet().removeAll(fields);
        return withScheduler(rest);
    }

    /** Of a run that is no longer pending: its reason to wait is over. */
    JobAttributes noLongerPending() {
        Map<String, @Nullable Object> rest = new LinkedHashMap<>(scheduler);
        rest.replace(STATE_REASON, null);
        rest.replace(STATE_DESCRIPTION, null);
        return withScheduler(rest);
    }

    /** Only what the scheduler may change while the run is pending or running. */
    JobAttributes changeable() {
        JobAttributes placed = nodesTold ? of(null, null, nodes).withNodesTold().withAllocated(allocated) : NONE;
        return placed.withPartition(partition, account).withRun(null, null, deadline).withScheduler(scheduler);
    }

    /** With the scheduler's values for what it may change: it overrules all others. */
    JobAttributes changedBy(JobAttributes incoming) {
        Instant limitedTo = incoming.deadline == null ? deadline : incoming.deadline;
        return withPartition(incoming.partition == null ? partition : incoming.partition,
                incoming.account == null ? account : incoming.account)
                .withRun(hetJobId, restartCount, limitedTo);
    }

    /** With the scheduler's resources of a running job, if its nodes have changed. */
    JobAttributes resizedTo(JobAttributes incoming) {
        boolean isResized = incoming.nodesTold && nodesTold && !Set.copyOf(nodes).equals(Set.copyOf(incoming.nodes));
        return isResized ? withAllocated(incoming.allocated.orElse(allocated)) : this;
    }

    /** With the CPUs that are left after nodes were given up; a late report of an earlier time changes nothing. */
    JobAttributes shrunkTo(@Nullable Integer cpus) {
        return cpus == null || (allocated.cpus() != null && allocated.cpus() <= cpus)
                ? this
                : withAllocated(new Resources(cpus, allocated.memoryMb(), allocated.gpus()));
    }

    /** With the CPUs that an epilog names, if a job got nodes meanwhile: its prologs only name those of its start. */
    JobAttributes grownTo(JobAttributes atEnd) {
        Integer cpus = atEnd.allocated.cpus();
        return cpus == null || allocated.cpus() == null || allocated.cpus() >= cpus || !atEnd.nodes.containsAll(nodes)
                ? this
                : withAllocated(new Resources(cpus, allocated.memoryMb(), allocated.gpus()));
    }

    JobAttributes merge(JobAttributes incoming, Differences differences) {
        return new JobAttributes(UserName.better(user, incoming.user, differences),
                differences.keep("uid", uid, incoming.uid), merged(incoming), nodesTold || incoming.nodesTold,
                differences.keep("partition", chosen(partition, incoming.partition), incoming.partition),
                differences.keep("account", account, incoming.account),
                differences.keep("het_job_id", hetJobId, incoming.hetJobId),
                differences.keep("restart_count", restartCount, incoming.restartCount),
                differences.keep("deadline", deadline, incoming.deadline),
                allocated.merge("allocated", incoming.allocated, differences),
                differences.keep("gpu_vendor", gpuVendor, incoming.gpuVendor),
                differences.keep("gpu_devices", gpuDevices, incoming.gpuDevices),
                differences.keep("cgroup_path", cgroupPath, incoming.cgroupPath),
                requested.merge("requested", incoming.requested, differences),
                newest(scheduler, incoming.scheduler));
    }

    /** A scheduler changes a job's priority, name or time limit, so here the last report stands. */
    private static Map<String, @Nullable Object> newest(Map<String, @Nullable Object> stored,
            Map<String, @Nullable Object> incoming) {
        if (incoming.isEmpty()) {
            return stored;
        }
        Map<String, @Nullable Object> all = new LinkedHashMap<>(stored);
        all.putAll(incoming);
        return all;
    }

    /** The one of several partitions in which the job was started. */
    private static @Nullable String chosen(@Nullable String stored, @Nullable String incoming) {
        if (stored == null || incoming == null || !stored.contains(",")) {
            return stored;
        }
        return List.of(stored.split(",", -1)).contains(incoming) ? incoming : stored;
    }

    private List<String> merged(JobAttributes incoming) {
        return incoming.nodesTold && !nodesTold ? union(List.of(), incoming.nodes) : union(nodes, incoming.nodes);
    }

    /** All names of both. A list that contains the other one gives the order, whichever of them came first. */
    private static List<String> union(List<String> stored, List<String> incoming) {
        if (stored.equals(incoming) || incoming.isEmpty()) {
            return stored;
        }
        Set<String> all = new LinkedHashSet<>(incoming);
        if (!all.containsAll(stored)) {
            all = new LinkedHashSet<>(stored);
            all.addAll(incoming);
        }
        return List.copyOf(all);
    }
}
