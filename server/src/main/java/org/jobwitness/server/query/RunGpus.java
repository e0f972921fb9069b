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
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.sample.Figures;
import org.jobwitness.server.sample.RunUse;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuHold;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobGpu;
import org.jspecify.annotations.Nullable;

/** Reads which GPUs runs hold or held: those that agents read, and those that Slurm allocated and no agent read. */
final class RunGpus {
    /** The most GPUs that are shown of one run, by node. */
    static final int MAX_OF_A_RUN = 4096;
    /** By PCI bus id where it is known, as the vendors' tools list them. */
    private static final Comparator<JobGpu> ORDER = Comparator.comparing(JobGpu::node).thenComparing(RunGpus::busId);
    private static final double MEBIBYTE = 1 << 20;

    private final Json json;

    RunGpus(Json json) {
        this.json = json;
    }

    /** The GPUs of a node that Slurm allocated to a run, as its prolog reported them. */
    private record Allocated(long run, String node, @Nullable GpuVendor vendor, List<String> names) {
    }

    /** By run. Of other jobs that share a GPU, only those are named that the scope may see. */
    Map<Long, List<JobGpu>> of(Handle handle, Scope scope, List<Long> keys) {
        Map<Long, List<JobGpu>> ofRuns = new HashMap<>();
        Condition visible = Visibility.of(scope);
        handle.createQuery("""
                select gpu.*, array(
                    select distinct other.job_id from job other where other.cluster = job.cluster
                        and other.job_id = any(gpu.jobs) and other.newest and %s order by 1) as visible_jobs
                from job cross join lateral (
                    select * from job_gpu_figures where job_gpu_figures.job_key = job.job_key
                    order by node, gpu limit :max) gpu
                where job.job_key = any(:keys) order by gpu.job_key, gpu.node, gpu.gpu"""
                .formatted(visible.sql())).bindMap(visible.values())
                .bindArray("keys", Long.class, keys).bind("max", MAX_OF_A_RUN)
                .map((row, _) -> ofRuns.computeIfAbsent(row.getLong("job_key"), _ -> new ArrayList<>()).add(gpu(row)))
                .list();
        handle.createQuery("""
                select job_key, node, gpu_vendor, gpu_devices from job_node
                where job_key = any(:keys) and gpu_devices <> '{}' order by job_key, node""")
                .bindArray("keys", Long.class, keys)
                .map((row, _) -> new Allocated(row.getLong("job_key"), string(row, "node"),
                        constant(GpuVendor.class, row.getString("gpu_vendor")), strings(row, "gpu_devices")))
                .forEach(allocated -> addUnread(ofRuns.computeIfAbsent(allocated.run(), _ -> new ArrayList<>()),
                        allocated));
        ofRuns.values().forEach(gpus -> gpus.sort(ORDER));
        return ofRuns;
    }

    private static String busId(JobGpu gpu) {
        GpuDevice device = gpu.device();
        return (device == null || device.pciBusId() == null ? "~" : device.pciBusId()) + " " + gpu.gpu();
    }

    /**
     * Slurm may name a GPU by an index that agents do not know. So of the names that no agent read, only as many are unread as
     * were allocated beyond those that were read.
     */
    private static void addUnread(List<JobGpu> gpus, Allocated allocated) {
        List<JobGpu> read = gpus.stream().filter(gpu -> gpu.node().equals(allocated.node())).toList();
        allocated.names().stream().filter(name -> read.stream().noneMatch(gpu -> isCalled(gpu, name)))
                .limit(Math.max(0, allocated.names().size() - read.size()))
                .limit(Math.max(0, MAX_OF_A_RUN - gpus.size()))
                .map(name -> unread(allocated, name)).toList().forEach(gpus::add);
    }

    private static boolean isCalled(JobGpu gpu, String name) {
        GpuDevice device = gpu.device();
        return gpu.gpu().equals(name)
                || (device != null && device.minor() != null && device.minor().toString().equals(name));
    }

    private static JobGpu unread(Allocated allocated, String name) {
        return new JobGpu(allocated.node(), name, GpuHold.UNREAD, null, allocated.vendor(), null, 0, null, null, null,
                null,
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
        GpuDevice hardware = device == null ? null : json.object(device, GpuDevice.class);
        Boolean everUsed = readAt == null ? null : Boolean.valueOf(used != null);
        Boolean everHadProcess = processes == null ? null : Boolean.valueOf(processes > 0);
        Instant idleSince = isAlone ? idleSince(heldFrom, readAt, used) : null;
        return new JobGpu(string(row, "node"), string(row, "gpu"), hold, isAlone ? null : strings(row, "visible_jobs"),
                constant(GpuVendor.class, row.getString("gpu_vendor")),
                hardware, row.getLong("sample_count"),
                rounded(Duration.between(heldFrom, lastAt).toMillis() / 1e3), mean(row, "utilization"),
                figure(row, "utilization_max", 1), everUsed,
                time(row, "first_used_at"), used, idleSince,
                everHadProcess,
                scaled(latest, Figure.MEMORY_TOTAL_BYTES), figure(row, "memory_max_bytes", MEBIBYTE),
                mean(row, "power"), figure(row, "energy_joules", 1), faults(row, isAlone),
                isAlone ? latest(lastAt, latest) : null, causes(json.map(string(row, "absent"))));
    }

    /** Null if it was used at the last reading of its use, or if there is none. */
    private static @Nullable Instant idleSince(Instant heldFrom, @Nullable Instant readAt, @Nullable Instant used) {
        if (readAt == null || (used != null && !used.isBefore(readAt))) {
            return null;
        }
        return used == null ? heldFrom : used;
    }

    private static JobGpu.@Nullable Faults faults(ResultSet row, boolean isAlone) throws SQLException {
        RunUse.Faults faults = RunUse.Faults.of(row);
        if (!isAlone && faults.possibleXids().isEmpty()) {
            return null;
        }
        long samples = row.getLong("sample_count");
        return new JobGpu.Faults(faults.xids(), faults.possibleXids(),
                Double.isNaN(faults.eccErrors()) ? null : Long.valueOf((long) faults.eccErrors()),
                samples == 0 ? 0 : rounded(100.0 * faults.slowed() / samples), faults.slowedBy());
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
