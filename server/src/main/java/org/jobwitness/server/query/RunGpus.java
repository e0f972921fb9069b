package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.doubles;
import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Columns.whole;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.sample.Figures;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobGpu;
import org.jspecify.annotations.Nullable;

/** Reads which GPUs runs hold or held: those that agents read, and those that Slurm gave and nobody read. */
final class RunGpus {
    /** So many of a run are told at most, by node. */
    static final int MOST = 4096;
    /** As the vendors' tools list them, where it is known: by the bus. */
    private static final Comparator<JobGpu> ORDER = Comparator.comparing(JobGpu::node).thenComparing(RunGpus::place);
    private static final double MEBIBYTE = 1 << 20;

    private final Json json;

    RunGpus(Json json) {
        this.json = json;
    }

    /** What a node's prolog said that it gave to a run. */
    private record Given(long run, String node, @Nullable GpuVendor vendor, List<String> names) {
    }

    /** Of all runs of a job id; of others that share a GPU, only who may be seen is named. */
    Map<Long, List<JobGpu>> of(Handle handle, Scope scope, String jobId) {
        Map<Long, List<JobGpu>> ofRuns = new HashMap<>();
        JobQueries.bindScope(handle.createQuery("""
                select gpu.*, array(
                    select distinct other.job_id from job other where other.cluster = job.cluster
                        and other.job_id = any(gpu.jobs) and other.newest and %s order by 1) as seen_jobs
                from job cross join lateral (
                    select * from job_gpu_figures where job_gpu_figures.job_key = job.job_key
                    order by node, gpu limit :most) gpu
                where job_id = :job_id order by gpu.job_key, gpu.node, gpu.gpu""".formatted(JobQueries.seenBy(scope)))
                .bind("job_id", jobId).bind("most", MOST), scope)
                .map((row, _) -> ofRuns.computeIfAbsent(row.getLong("job_key"), _ -> new ArrayList<>()).add(gpu(row)))
                .list();
        handle.createQuery("""
                select job_key, node, job_node.gpu_vendor, job_node.gpu_devices from job join job_node using (job_key)
                where job_id = :job_id and job_node.gpu_devices <> '{}' order by job_key, node""")
                .bind("job_id", jobId)
                .map((row, _) -> new Given(row.getLong("job_key"), string(row, "node"),
                        constant(GpuVendor.class, row.getString("gpu_vendor")), strings(row, "gpu_devices")))
                .forEach(given -> addUnread(ofRuns.computeIfAbsent(given.run(), _ -> new ArrayList<>()), given));
        ofRuns.values().forEach(gpus -> gpus.sort(ORDER));
        return ofRuns;
    }

    private static String place(JobGpu gpu) {
        GpuDevice device = gpu.device();
        return (device == null || device.pciBusId() == null ? "~" : device.pciBusId()) + " " + gpu.gpu();
    }

    /**
     * Slurm may name a GPU by an index that agents do not know it by. So of those whose name nobody read, only as many are unread
     * as were given beyond those that were read.
     */
    private static void addUnread(List<JobGpu> gpus, Given given) {
        List<JobGpu> read = gpus.stream().filter(gpu -> gpu.node().equals(given.node())).toList();
        given.names().stream().filter(name -> read.stream().noneMatch(gpu -> isCalled(gpu, name)))
                .limit(Math.max(0, given.names().size() - read.size()))
                .limit(Math.max(0, MOST - gpus.size()))
                .map(name -> unread(given, name)).toList().forEach(gpus::add);
    }

    private static boolean isCalled(JobGpu gpu, String name) {
        GpuDevice device = gpu.device();
        return gpu.gpu().equals(name)
                || (device != null && device.minor() != null && device.minor().toString().equals(name));
    }

    private static JobGpu unread(Given given, String name) {
        return new JobGpu(given.node(), name, GpuHold.UNREAD, null, given.vendor(), null, 0, null, null, null, null,
                null, null, null, null, null, null, null, null, null, null, Map.of());
    }

    private JobGpu gpu(ResultSet row) throws SQLException {
        GpuHold hold = Objects.requireNonNull(constant(GpuHold.class, row.getString("hold")));
        boolean isAlone = hold == GpuHold.ALONE;
        Figures latest = Figures.of(Figure.Of.GPU, doubles(row, "latest"));
        Instant heldFrom = knownTime(row, "held_from");
        Instant lastAt = knownTime(row, "last_sample_at");
        Instant readAt = time(row, "read_at");
        Instant used = time(row, "last_used_at");
        Long processes = whole(row, "processes_max");
        String device = row.getString("device");
        return new JobGpu(string(row, "node"), string(row, "gpu"), hold, isAlone ? null : strings(row, "seen_jobs"),
                constant(GpuVendor.class, row.getString("gpu_vendor")),
                device == null ? null : json.object(device, GpuDevice.class), row.getLong("sample_count"),
                rounded(Duration.between(heldFrom, lastAt).toMillis() / 1e3), mean(row, "utilization"),
                figure(row, "utilization_max", 1), readAt == null ? null : Boolean.valueOf(used != null),
                time(row, "first_used_at"), used, isAlone ? idleSince(heldFrom, readAt, used) : null,
                processes == null ? null : Boolean.valueOf(processes > 0),
                scaled(latest, Figure.MEMORY_TOTAL_BYTES), figure(row, "memory_max_bytes", MEBIBYTE),
                mean(row, "power"), figure(row, "energy_joules", 1), row.getObject("xid", Integer.class),
                isAlone ? latest(lastAt, latest) : null, causes(json.map(string(row, "absent"))));
    }

    /** Null if it was used at the last reading that told, or if none did. */
    private static @Nullable Instant idleSince(Instant heldFrom, @Nullable Instant readAt, @Nullable Instant used) {
        if (readAt == null || (used != null && !used.isBefore(readAt))) {
            return null;
        }
        return used == null ? heldFrom : used;
    }

    private static JobGpu.Latest latest(Instant at, Figures figures) {
        Long clock = figures.whole(Figure.CLOCK_MHZ);
        return new JobGpu.Latest(at, figures.get(Figure.UTILIZATION_PERCENT),
                scaled(figures, Figure.MEMORY_USED_BYTES), figures.get(Figure.POWER_WATTS),
                figures.get(Figure.TEMPERATURE_CELSIUS), clock == null ? null : Integer.valueOf(clock.intValue()),
                figures.whole(Figure.PROCESSES));
    }

    private static @Nullable Double scaled(Figures figures, Figure bytes) {
        Double value = figures.get(bytes);
        return value == null ? null : Double.valueOf(rounded(value / MEBIBYTE));
    }

    private static @Nullable Double mean(ResultSet row, String figure) throws SQLException {
        long count = row.getLong(figure + "_count");
        return count == 0 ? null : Double.valueOf(rounded(row.getDouble(figure + "_sum") / count));
    }

    private static Map<String, String> causes(Map<String, Object> absent) {
        Map<String, String> causes = new LinkedHashMap<>();
        absent.forEach((figure, cause) -> causes.put(figure, cause.toString()));
        return causes;
    }
}
