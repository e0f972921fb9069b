package org.jobwitness.wire;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What one GPU of a node, or one part of it that jobs are given for themselves, did over the batch's interval.
 *
 * <p>Who holds it is told in at most one of three ways: one job ({@code jobId}), several together ({@code sharedBy}), or, where
 * the sources disagree, those that it may be ({@code claimedBy}; {@code job_id} of {@code absent} tells how they disagree). Of
 * what it did, only that of one job is counted for a job. All three left out: no job holds it.
 *
 * @param gpu its UUID, or its index on the node where it has none
 * @param jobId the one job that holds it
 * @param sharedBy the jobs to which it is given in shares (Slurm's shard, MPS), also while that is only one
 * @param claimedBy the jobs of which one or more may hold it
 * @param memoryUsedBytes of its own memory
 * @param clockMhz of its processors
 * @param energyJoules a counter, which may begin anew with the driver
 * @param processes that have it open; of the job, where one holds it
 * @param throttled why it runs slower than it could, in the driver's words, such as sw_power_cap
 * @param eccErrors errors of its memory that could not be put right, since the driver was loaded
 * @param xid NVIDIA's number of the newest error that the driver told of in the interval
 * @param absent why a figure is not there, by the figure's name
 */
public record GpuReading(String gpu, @Nullable GpuVendor vendor, @Nullable GpuDevice device, @Nullable String jobId,
        List<String> sharedBy, List<String> claimedBy, @Nullable Double utilizationPercent,
        @Nullable Long memoryUsedBytes, @Nullable Long memoryTotalBytes, @Nullable Double powerWatts,
        @Nullable Double temperatureCelsius, @Nullable Integer clockMhz, @Nullable Double energyJoules,
        @Nullable Long processes, List<String> throttled, @Nullable Long eccErrors, @Nullable Integer xid,
        Map<String, String> absent) {
    private static final int MOST_JOBS = 256;

    public GpuReading {
        gpu = Checks.requiredText("gpu", gpu, 256);
        jobId = jobId == null ? null : JobId.of("job_id", jobId);
        sharedBy = JobId.listOf("shared_by", sharedBy, MOST_JOBS);
        claimedBy = JobId.listOf("claimed_by", claimedBy, MOST_JOBS);
        if (jobId != null && !sharedBy.isEmpty()) {
            throw new InvalidFieldException("shared_by",
                    "must be left out where job_id says that one job holds the GPU");
        }
        if (!claimedBy.isEmpty() && (jobId != null || !sharedBy.isEmpty())) {
            throw new InvalidFieldException("claimed_by",
                    "must be left out where job_id or shared_by says who holds the GPU");
        }
        utilizationPercent = Checks.percent("utilization_percent", utilizationPercent);
        memoryUsedBytes = Checks.size("memory_used_bytes", memoryUsedBytes);
        memoryTotalBytes = Checks.size("memory_total_bytes", memoryTotalBytes);
        powerWatts = Checks.within("power_watts", powerWatts, 0.0, 1e6);
        temperatureCelsius = Checks.within("temperature_celsius", temperatureCelsius, -273.0, 1e4);
        clockMhz = Checks.within("clock_mhz", clockMhz, 0, 1_000_000);
        energyJoules = Checks.within("energy_joules", energyJoules, 0.0, 1e18);
        processes = Checks.size("processes", processes);
        throttled = Checks.texts("throttled", throttled, 16, 64);
        eccErrors = Checks.size("ecc_errors", eccErrors);
        xid = Checks.within("xid", xid, 0, 100_000);
        absent = Checks.causes("absent", absent);
    }
    /** How many jobs hold it, or may hold it. */
    public int holders() {
        return jobId != null ? 1 : sharedBy.size() + claimedBy.size();
    }

    /** The same, naming only those of the jobs that hold it which are among these; that others do is told, not which. */
    public GpuReading naming(Collection<String> jobIds) {
        String shown = jobId == null || jobIds.contains(jobId) ? jobId : null;
        List<String> sharing = sharedBy.stream().filter(jobIds::contains).toList();
        List<String> claiming = claimedBy.stream().filter(jobIds::contains).toList();
        Map<String, String> causes = new TreeMap<>(absent);
        boolean hidesHolder = jobId != null && shown == null;
        if (hidesHolder || sharing.size() < sharedBy.size() || claiming.size() < claimedBy.size()) {
            causes.putIfAbsent("job_id", "held by a job that does not run any more, or that you may not see");
        }
        return new GpuReading(gpu, vendor, device, shown, sharing, claiming, utilizationPercent, memoryUsedBytes,
                memoryTotalBytes, powerWatts, temperatureCelsius, clockMhz, energyJoules, processes, throttled,
                eccErrors, xid, causes);
    }
}
