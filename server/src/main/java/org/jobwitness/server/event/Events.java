package org.jobwitness.server.event;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.hosts.HostList;
import org.jobwitness.server.job.EndEvidence;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jobwitness.server.json.Accepted;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** Converts the events of prolog and epilog to evidence, and applies it. */
public final class Events {
    private static final Duration UNLIMITED = Duration.ofDays(365);

    private static final int MAX_CPUS = 100_000_000;

    private final JobTable jobs;
    private final Json json;
    private final String defaultCluster;
    private final Clock clock;
    private final Counter applied;

    /** The default cluster is that of events that name none. */
    public Events(JobTable jobs, Json json, String defaultCluster, Clock clock, PrometheusRegistry metrics) {
        this.applied = Counter.builder().name("jobwitness_events_total")
                .help("Events taken in, by what became of them.")
                .labelNames("event", "status").register(metrics);
        this.jobs = jobs;
        this.json = json;
        this.defaultCluster = defaultCluster;
        this.clock = clock;
    }

    /**
     * A prolog ran.
     *
     * @throws InvalidFieldException if the event contradicts itself
     */
    public EventResponse apply(Caller caller, JobStarted event) {
        return started(caller, event, List.of());
    }

    /** The same for an event of which something was left out already. */
    EventResponse started(Caller caller, JobStarted event, List<String> leftOut) {
        List<String> all = new ArrayList<>(leftOut);
        return apply(caller, "job-started", evidence(event, all), all);
    }

    /**
     * An epilog ran.
     *
     * @throws InvalidFieldException if the event contradicts itself
     */
    public EventResponse apply(Caller caller, JobFinished event) {
        return finished(caller, event, List.of());
    }

    /** The same for an event of which something was left out already. */
    EventResponse finished(Caller caller, JobFinished event, List<String> leftOut) {
        List<String> all = new ArrayList<>(leftOut);
        return apply(caller, "job-finished", evidence(event, all), all);
    }

    private EventResponse apply(Caller caller, String event, Evidence evidence, List<String> leftOut) {
        NodeAllocation reporting = evidence.onNode();
        caller.reports().check(evidence.identity().cluster(),
                reporting == null ? evidence.attributes().nodes() : List.of(reporting.node()));
        EventResponse response = jobs.apply(caller, evidence);
        applied.labelValues(event, response.status().toString()).inc();
        return leftOut.isEmpty()
                ? response
                : new EventResponse(response.status(), response.jobId(),
                        response.message() + "; " + Accepted.describe(leftOut));
    }

    /** The node itself is known, even where the list of all nodes cannot be read. */
    private static List<String> nodes(List<String> nodeList, @Nullable String node, List<String> leftOut) {
        try {
            return HostList.expand("node_list", nodeList);
        } catch (InvalidFieldException e) {
            if (node == null) {
                throw e;
            }
            leftOut.add(String.valueOf(e.getMessage()));
            return List.of();
        }
    }

    private static List<Integer> cpusOfNodes(@Nullable String cpusPerNode, List<String> nodes, List<String> leftOut) {
        try {
            List<Integer> cpus = nodes.isEmpty() ? List.of() : CpusPerNode.expand(cpusPerNode, nodes.size());
            if (cpus.stream().mapToLong(Integer::longValue).sum() > MAX_CPUS) {
                throw new InvalidFieldException("cpus_per_node", "must add up to at most " + MAX_CPUS + " CPUs");
            }
            return cpus;
        } catch (InvalidFieldException e) {
            leftOut.add(String.valueOf(e.getMessage()));
            return List.of();
        }
    }

    private Evidence evidence(JobStarted event, List<String> leftOut) {
        List<String> listed = nodes(event.nodeList(), event.node(), leftOut);
        List<Integer> cpus = cpusOfNodes(event.cpusPerNode(), listed, leftOut);
        List<String> nodes = listed.isEmpty() && event.node() != null ? List.of(event.node()) : listed;
        String node = event.node() == null && nodes.size() == 1 ? nodes.getFirst() : event.node();
        JobAttributes ofJob = attributes(event.user(), event.uid(), nodes, event.partition(), event.account(),
                event.scheduler())
                .withRun(event.hetJobId(), event.restartCount(), deadline(event))
                .withAllocated(new Resources(cpusOfJob(event.cpuAllocation(), cpus), event.memoryAllocationMb(),
                        node == null ? event.gpuAllocation() : null));
        ofJob = listed.isEmpty() ? ofJob : ofJob.withNodesTold();
        JobAttributes attributes = node == null
                ? ofJob.withDevices(event.gpuVendor(), event.gpuDevices(), event.cgroupPath())
                : ofJob;
        NodeAllocation onNode = node == null
                ? null
                : new NodeAllocation(node, event.gpuAllocation(), event.gpuVendor(), event.gpuDevices(),
                        event.cgroupPath(), false);
        return new Evidence.Started(identity(event.cluster(), event.jobId(), event.sluid(), event.startTime()),
                notFuture(event.timestamp(), leftOut), onNode, attributes, cpus, event.eventId());
    }

    /** A run without a time limit gets an end in a year from slurmctld (job_mgr.c), and passes that to its prolog. */
    private static @Nullable Instant deadline(JobStarted event) {
        Instant start = event.startTime();
        Instant end = event.endTime();
        return start != null && end != null && Duration.between(start, end).equals(UNLIMITED) ? null : end;
    }

    private Evidence evidence(JobFinished event, List<String> leftOut) {
        List<String> listed = listedNodes(event, leftOut);
        boolean isReleased = isReleased(event, listed);
        List<Integer> cpus = isReleased ? List.of() : cpusOfNodes(event.cpusPerNode(), listed, leftOut);
        List<String> nodes = listed.isEmpty() && event.node() != null ? List.of(event.node()) : listed;
        JobAttributes ofJob = attributes(event.user(), event.uid(), nodes, event.partition(), event.account(),
                event.scheduler());
        JobAttributes attributes = listed.isEmpty() ? ofJob : ofJob.withNodesTold();
        Identity identity = identity(event.cluster(), event.jobId(), event.sluid(), event.startTime());
        NodeAllocation onNode = event.node() == null
                ? null
                : new NodeAllocation(event.node(), null, null, List.of(), null, true);
        Instant at = notFuture(event.timestamp(), leftOut);
        if (isReleased && onNode != null) {
            return new Evidence.NodeReleased(identity, at, onNode, attributes,
                    CpusPerNode.cpusOfOthers(event.cpusPerNode(), listed.size()), event.eventId(), event.reading());
        }
        return new Evidence.Ended(identity, at, onNode,
                attributes.withAllocated(new Resources(cpusOfJob(null, cpus), null, null)), cpus, event.eventId(),
                end(event, at), event.reading());
    }

    private static EndEvidence end(JobFinished event, @Nullable Instant at) {
        boolean oomKilled = event.reading() != null && event.reading().oomKills() != null
                && event.reading().oomKills() > 0;
        return EndEvidence.reported(at).withFinalState(event.finalState())
                .withExit(exit(event), event.derivedExitCode()).withRestartCount(event.restartCount())
                .withOomKilled(oomKilled);
    }

    /**
     * Whether a job that goes on elsewhere has given up this node: slurmd's epilog then has the released nodes alone, 0:0, and the
     * CPUs of all nodes as they were.
     */
    private static boolean isReleased(JobFinished event, List<String> listed) {
        WaitStatus exit = exit(event);
        return event.node() != null && listed.contains(event.node()) && (exit == null || exit.isZero())
                && CpusPerNode.countNodes(event.cpusPerNode()) > listed.size();
    }

    /** A sender's clock that is ahead would make a run end after it was reported, and win over all later evidence. */
    private @Nullable Instant notFuture(@Nullable Instant timestamp, List<String> leftOut) {
        if (timestamp == null || !timestamp.isAfter(clock.instant().plus(Evidence.CLOCK_TOLERANCE))) {
            return timestamp;
        }
        leftOut.add("timestamp " + timestamp + " lies in the future; this server's clock says "
                + clock.instant().truncatedTo(ChronoUnit.SECONDS));
        return null;
    }

    private static List<String> listedNodes(JobFinished event, List<String> leftOut) {
        try {
            return HostList.expand("node_list", event.nodeList());
        } catch (InvalidFieldException e) {
            leftOut.add(String.valueOf(e.getMessage()));
            return List.of();
        }
    }

    /** Partition and account may be fields of the event, or else of its scheduler object. */
    private JobAttributes attributes(@Nullable String user, @Nullable Long uid, List<String> nodes,
            @Nullable String partition, @Nullable String account, @Nullable Scheduler scheduler) {
        Map<String, @Nullable Object> fields = scheduler == null
                ? new LinkedHashMap<>()
                : new LinkedHashMap<>(json.fields(scheduler));
        String otherPartition = (String) fields.remove("partition");
        String otherAccount = (String) fields.remove("account");
        return JobAttributes.of(user, uid, nodes)
                .withPartition(partition == null ? otherPartition : partition, account == null ? otherAccount : account)
                .withScheduler(fields);
    }

    private Identity identity(@Nullable String cluster, String jobId, @Nullable String sluid,
            @Nullable Instant startTime) {
        return new Identity(cluster == null ? defaultCluster : cluster, jobId, sluid, startTime);
    }

    private static @Nullable Integer cpusOfJob(@Nullable Integer reported, List<Integer> ofNodes) {
        if (reported != null || ofNodes.isEmpty()) {
            return reported;
        }
        return ofNodes.stream().mapToInt(Integer::intValue).sum();
    }

    /** The raw status is complete; older scripts send its two halves. */
    private static @Nullable WaitStatus exit(JobFinished event) {
        if (event.rawStatus() != null) {
            return WaitStatus.ofRaw(event.rawStatus());
        }
        if (event.exitCode() == null && event.signal() == null) {
            return null;
        }
        return new WaitStatus(event.exitCode() == null ? 0 : event.exitCode(),
                event.signal() == null ? 0 : event.signal());
    }
}
