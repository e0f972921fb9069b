package org.jobwitness.wire;

import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the agent of one node read in one cycle: the node, its jobs and its GPUs. A figure that could not be read is left
 * out, and {@code absent} says why; it is never 0.
 *
 * <p>An agent numbers its batches, and sends one again, unchanged, until it is answered: (node, boot id, sequence) counts
 * once. A server takes batches of {@link #VERSION} and of the version before, so that servers are upgraded first and
 * agents follow at leisure; fields that a server does not know are passed over.
 *
 * @param version of this record, 1
 * @param cluster Slurm's name of the cluster; the server's default if it is not given
 * @param bootId /proc/sys/kernel/random/boot_id, or another name that no other life of this agent's numbers has
 * @param sequence the batch's number in its {@code bootId}: one more than that of the batch before, so that what was taken stays
 *     one short range
 * @param timestamp when it was read, by the node's clock
 * @param intervalMs the time that the figures stand for: since the reading before, milliseconds
 */
public record Batch(Integer version, @Nullable String cluster, String node, String bootId, Long sequence,
        Instant timestamp, @Nullable Integer intervalMs, @Nullable String agentVersion,
        @Nullable NodeFigures nodeFigures, List<JobReading> jobs, List<GpuReading> gpus) {
    public static final int VERSION = 1;
    /** The oldest that is still taken: the one before {@link #VERSION}, once there is one. */
    public static final int OLDEST_VERSION = 1;
    static final int MAX_INTERVAL_MS = 86_400_000;

    public Batch {
        version = Checks.required("version", version);
        if (version < OLDEST_VERSION || version > VERSION) {
            throw new InvalidFieldException("version",
                    "must be " + (OLDEST_VERSION == VERSION ? "" : OLDEST_VERSION + "..")
                            + VERSION + ", was " + version + (version > VERSION
                                    ? "; the agent is newer than the server: upgrade the server first"
                                    : "; the agent is too old: upgrade it"));
        }
        cluster = Checks.text("cluster", cluster, 256);
        node = Checks.required("node", Checks.node("node", node));
        bootId = Checks.requiredText("boot_id", bootId, 64);
        sequence = Checks.required("sequence", Checks.within("sequence", sequence, 0L, Long.MAX_VALUE - 1));
        timestamp = Checks.required("timestamp", Checks.time("timestamp", timestamp));
        intervalMs = Checks.within("interval_ms", intervalMs, 1, MAX_INTERVAL_MS);
        agentVersion = Checks.text("agent_version", agentVersion, 64);
        jobs = Checks.list("jobs", jobs, 4096);
        gpus = Checks.list("gpus", gpus, 1024);
        Set<String> read = jobs.stream().map(JobReading::jobId).collect(Collectors.toSet());
        for (int i = 0; i < gpus.size(); i++) {
            GpuReading gpu = gpus.get(i);
            if (gpu.jobId() != null) {
                requireRead("gpus[" + i + "].job_id", List.of(gpu.jobId()), read);
            }
            requireRead("gpus[" + i + "].shared_by", gpu.sharedBy(), read);
            requireRead("gpus[" + i + "].claimed_by", gpu.claimedBy(), read);
        }
    }

    private static void requireRead(String field, List<String> jobIds, Set<String> read) {
        for (String jobId : jobIds) {
            if (!read.contains(jobId)) {
                throw new InvalidFieldException(field,
                        "must be one of the batch's jobs, was " + Checks.shown(jobId));
            }
        }
    }
}
