package org.jobwitness.server.event;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.job.EndEvidence;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobAttributes;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.job.Resources;
import org.jobwitness.server.job.WaitStatus;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.EventResponse;
import org.jobwitness.wire.InvalidFieldException;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** Makes evidence of what hooks tell, whoever brings it, and hands it on. */
public final class Events {
    private static final int MOST_CPUS = 100_000_000;

    private final JobTable jobs;
    private final Json json;
    private final String defaultCluster;
    private final Counter taken;

    /**
     * Made with where events go.
     *
     * @param defaultCluster for events that name none
     */
    public Events(JobTable jobs, Json json, String defaultCluster, PrometheusRegistry metrics) {
        this.taken = Counter.builder().name("jobwitness_events_total").help("Events taken in, by what became of them.")
                .labelNames("event", "status").register(metrics);
        this.jobs = jobs;
        this.json = json;
        this.defaultCluster = defaultCluster;
    }

    /**
     * A prolog ran.
     *
     * @throws InvalidFieldException if the event contradicts itself
     */
    public EventResponse take(Caller caller, JobStarted event) {
        return take(caller, "job-started", evidence(event));
    }

    /**
     * An epilog ran.
     *
     * @throws InvalidFieldException if the event contradicts itself
     */
    public EventResponse take(Caller caller, JobFinished event) {
        return take(caller, "job-finished", evidence(event));
    }

    private EventResponse take(Caller caller, String event, Evidence evidence) {
        EventResponse answer = jobs.apply(caller, evidence);
        taken.labelValues(event, answer.status().toString()).inc();
        return answer;
    }

    private Evidence evidence(JobStarted event) {
        List<String> nodes = HostList.expand("node_list", event.nodeList());
        List<Integer> cpus = CpusPerNode.expand(event.cpusPerNode(), nodes.size());
        String node = event.node() == null && nodes.size() == 1 ? nodes.getFirst() : event.node();
        boolean ofNode = node != null;
        Map<String, @Nullable Object> words = words(event.scheduler());
        String partition = (String) words.remove("partition");
        String account = (String) words.remove("account");
        JobAttributes about = new JobAttributes(event.user(), event.uid(), nodes,
                event.partition() == null ? partition : event.partition(),
                event.account() == null ? account : event.account(), event.hetJobId(), event.restartCount(),
                event.endTime(), cpusOfJob(event.cpuAllocation(), cpus),
                event.memoryAllocationMb(), ofNode ? null : event.gpuAllocation(), ofNode ? null : event.gpuVendor(),
                ofNode ? List.of() : event.gpuDevices(), ofNode ? null : event.cgroupPath())
                .with(Resources.UNKNOWN, words);
        NodeAllocation onNode = node == null
                ? null
                : new NodeAllocation(node, event.gpuAllocation(), event.gpuVendor(), event.gpuDevices(),
                        event.cgroupPath(),
                        false);
        return new Evidence.Started(identity(event.cluster(), event.jobId(), event.sluid(), event.startTime()),
                event.timestamp(), onNode, about, cpus, event.eventId());
    }

    private Evidence evidence(JobFinished event) {
        List<String> listed = HostList.expand("node_list", event.nodeList());
        List<Integer> cpus = listed.isEmpty() ? List.of() : CpusPerNode.expand(event.cpusPerNode(), listed.size());
        List<String> nodes = listed.isEmpty() && event.node() != null ? List.of(event.node()) : listed;
        Map<String, @Nullable Object> words = words(event.scheduler());
        String partition = (String) words.remove("partition");
        String account = (String) words.remove("account");
        JobAttributes about = new JobAttributes(event.user(), event.uid(), nodes,
                event.partition() == null ? partition : event.partition(),
                event.account() == null ? account : event.account(), null, null, null,
                cpusOfJob(null, cpus), null, null, null, List.of(), null)
                .with(Resources.UNKNOWN, words);
        NodeAllocation onNode = event.node() == null
                ? null
                : new NodeAllocation(event.node(), null, null, List.of(), null, true);
        boolean oomKilled = event.reading() != null && event.reading().oomKills() != null
                && event.reading().oomKills() > 0;
        EndEvidence end = new EndEvidence(true, event.timestamp(), null, event.finalState(), exit(event),
                event.derivedExitCode(),
                event.restartCount(), oomKilled, false, false);
        return new Evidence.Ended(identity(event.cluster(), event.jobId(), event.sluid(), event.startTime()),
                event.timestamp(), onNode, about, cpus, event.eventId(), end, event.reading());
    }

    private Map<String, @Nullable Object> words(@Nullable Scheduler said) {
        return said == null ? new LinkedHashMap<>() : new LinkedHashMap<>(json.fields(said));
    }

    private Identity identity(@Nullable String cluster, String jobId, @Nullable String sluid,
            @Nullable Instant startTime) {
        return new Identity(cluster == null ? defaultCluster : cluster, jobId, sluid, startTime);
    }

    private static @Nullable Integer cpusOfJob(@Nullable Integer said, List<Integer> ofNodes) {
        if (said != null || ofNodes.isEmpty()) {
            return said;
        }
        long sum = ofNodes.stream().mapToLong(Integer::longValue).sum();
        if (sum > MOST_CPUS) {
            throw new InvalidFieldException("cpus_per_node", "must come to at most " + MOST_CPUS + " CPUs in all");
        }
        return (int) sum;
    }

    /** The raw status tells the most; the two halves are what older scripts send. */
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
