package org.jobwitness.server.query;

import static org.jobwitness.server.db.Columns.constant;
import static org.jobwitness.server.db.Columns.figure;
import static org.jobwitness.server.db.Columns.rounded;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;
import static org.jobwitness.server.db.Columns.time;
import static org.jobwitness.server.db.Columns.whole;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.HetJob;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobArray;
import org.jobwitness.wire.JobFigures;
import org.jobwitness.wire.JobGpu;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Scheduler;
import org.jspecify.annotations.Nullable;

/** Maps rows of {@code job join job_use} to runs as callers read them. */
final class JobRows {
    private static final int MEBIBYTE = 1 << 20;
    /** For this long after a run's end the last readings of its nodes may arrive. */
    private static final Duration LAST_READINGS = Duration.ofMinutes(10);

    private final Json json;

    JobRows(Json json) {
        this.json = json;
    }

    /** What is shown of a run that is asked for by its id, but not in lists; null in lists. */
    record Details(@Nullable List<JobOomKill> oomKills, @Nullable List<JobGpu> gpus, Whole whole) {
        static final Details NONE = new Details(null, null, Whole.NONE);
    }

    /** What a run is a part of, if it was asked for by the id of that. */
    record Whole(@Nullable JobArray array, @Nullable HetJob hetJob) {
        static final Whole NONE = new Whole(null, null);
    }

    Job job(ResultSet row, Details details, Instant now) throws SQLException {
        JobState state = Objects.requireNonNull(constant(JobState.class, row.getString("state")));
        Instant start = time(row, "start_time");
        Instant end = time(row, "end_time");
        List<String> nodes = strings(row, "nodes");
        String cluster = string(row, "cluster");
        String jobId = string(row, "job_id");
        Integer gpus = row.getObject("gpus", Integer.class);
        Long nodeGpus = whole(row, "node_gpus");
        Integer allGpus = gpus == null && nodeGpus != null ? Integer.valueOf(nodeGpus.intValue()) : gpus;
        boolean onlyEnd = !row.getBoolean("start_seen") && row.getBoolean("end_seen");
        Double runtime = runtime(state, start, end, now);
        Double suspended = figure(row, "suspended_seconds", 1);
        return new Job(jobId, row.getLong("job_key"), cluster, cluster, row.getString("user_name"),
                row.getObject("uid", Long.class), nodes, nodes.isEmpty() ? null : nodes.size(), state,
                constant(Reason.class, row.getString("reason")), row.getObject("confirmed", Boolean.class),
                onlyEnd ? true : null, start, end, time(row, "deadline"), runtime, suspended,
                row.getObject("requested_cpus", Integer.class), row.getObject("requested_memory_mb", Long.class),
                row.getObject("requested_gpus", Integer.class), row.getObject("cpus", Integer.class),
                row.getObject("memory_mb", Long.class), allGpus, figure(row, "cpu_last", 1),
                figure(row, "memory_last", MEBIBYTE), figure(row, "gpu_last", 1), time(row, "last_sample_at"),
                row.getLong("sample_count"), coverage(row, runtime, nodes.size()), figure(row, "cpu_avg", 1),
                figure(row, "cpu_max", 1), figure(row, "memory_max", MEBIBYTE), figure(row, "gpu_avg", 1),
                figure(row, "gpu_max", 1), scaled(row, "cpu_usage_usec", 1e6), whole(row, "oom_kills"),
                details.oomKills(), vendor(row), devices(row), details.gpus(), cgroupPath(row),
                figures(row, state, ran(runtime, suspended), now), scheduler(row, jobId), details.whole().array(),
                details.whole().hetJob());
    }

    /** What the agents of all nodes read; null if none of them has read anything. */
    private static @Nullable JobFigures figures(ResultSet row, JobState state, @Nullable Double ran, Instant now)
            throws SQLException {
        if (row.getLong("sampled_nodes") == 0) {
            return null;
        }
        Instant end = time(row, "end_time");
        boolean isLast = row.getBoolean("is_last") && row.getLong("sampled_nodes") >= strings(row, "nodes").size();
        boolean complete = state.isFinal() && end != null && (isLast || end.plus(LAST_READINGS).isBefore(now))
                && !row.getBoolean("is_cut_short");
        return new JobFigures(complete, complete ? efficiency(row, ran) : null,
                figure(row, "cpu_user_usec", 1e6), figure(row, "cpu_system_usec", 1e6),
                figure(row, "cpu_throttled_usec", 1e6), figure(row, "cpu_pressure_usec", 1e6),
                figure(row, "memory_avg", MEBIBYTE), figure(row, "memory_limit", MEBIBYTE),
                figure(row, "anon_avg", MEBIBYTE), figure(row, "anon_max", MEBIBYTE),
                figure(row, "needed_max", MEBIBYTE),
                figure(row, "file_avg", MEBIBYTE), figure(row, "file_max", MEBIBYTE),
                figure(row, "memory_pressure_usec", 1e6), figure(row, "memory_stall_usec", 1e6),
                whole(row, "oom_events"), figure(row, "io_read_bytes", MEBIBYTE),
                figure(row, "io_write_bytes", MEBIBYTE),
                figure(row, "io_pressure_usec", 1e6), figure(row, "io_stall_usec", 1e6));
    }

    /** @param ran seconds in which it was not suspended */
    private static @Nullable Double efficiency(ResultSet row, @Nullable Double ran) throws SQLException {
        Double cpuSeconds = scaled(row, "cpu_usage_usec", 1e6);
        Integer cpus = row.getObject("cpus", Integer.class);
        return cpuSeconds == null || cpus == null || ran == null || ran == 0
                ? null
                : Double.valueOf(rounded(100 * cpuSeconds / (cpus * ran)));
    }

    private Scheduler scheduler(ResultSet row, String jobId) throws SQLException {
        Map<String, Object> fields = new LinkedHashMap<>(json.map(string(row, "scheduler")));
        fields.putIfAbsent("type", "slurm");
        fields.putIfAbsent("external_job_id", jobId);
        for (String column : List.of("sluid", "raw_state", "partition", "account", "exit_code", "derived_exit_code",
                "restart_count", "het_job_id")) {
            Object known = row.getObject(column);
            if (known != null) {
                fields.put(column, known);
            }
        }
        Object signal = row.getObject("exit_signal");
        if (signal != null) {
            fields.put("signal", signal);
        }
        return json.object(fields, Scheduler.class);
    }

    /** The part of the job's time on its nodes that the intervals of its samples cover. */
    private static @Nullable Double coverage(ResultSet row, @Nullable Double runtime, int nodes) throws SQLException {
        Long coveredMs = whole(row, "covered_ms");
        return coveredMs == null || runtime == null || runtime == 0 || nodes == 0
                ? null
                : Math.min(1, rounded(coveredMs / 1e3 / (runtime * nodes)));
    }

    private static @Nullable Double runtime(JobState state, @Nullable Instant start, @Nullable Instant end,
            Instant now) {
        if (start == null || (end == null && state != JobState.RUNNING)) {
            return null;
        }
        return Math.max(0, Duration.between(start, end == null ? now : end).toMillis() / 1e3);
    }

    private static @Nullable Double ran(@Nullable Double runtime, @Nullable Double suspended) {
        return runtime == null || suspended == null ? runtime : Double.valueOf(Math.max(0, runtime - suspended));
    }

    private static @Nullable GpuVendor vendor(ResultSet row) throws SQLException {
        GpuVendor known = constant(GpuVendor.class, row.getString("gpu_vendor"));
        List<String> vendors = strings(row, "node_gpu_vendors");
        if (known != null || vendors.isEmpty()) {
            return known;
        }
        return vendors.size() == 1 ? constant(GpuVendor.class, vendors.getFirst()) : GpuVendor.MIXED;
    }

    private static @Nullable List<String> devices(ResultSet row) throws SQLException {
        List<String> known = strings(row, "gpu_devices");
        String devices = row.getString("node_gpu_devices");
        if (!known.isEmpty()) {
            return known;
        }
        return devices == null ? null : List.of(devices.split("\n"));
    }

    /** Null where the nodes disagree. */
    private static @Nullable String cgroupPath(ResultSet row) throws SQLException {
        String known = row.getString("cgroup_path");
        List<String> paths = strings(row, "node_cgroup_paths");
        return known == null && paths.size() == 1 ? paths.getFirst() : known;
    }

    /** A sum of counters, which may exceed a long. */
    private static @Nullable Double scaled(ResultSet row, String column, double by) throws SQLException {
        double value = row.getDouble(column);
        return row.wasNull() ? null : value / by;
    }
}
