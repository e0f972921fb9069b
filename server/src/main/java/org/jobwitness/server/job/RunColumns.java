package org.jobwitness.server.job;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jobwitness.server.db.Columns;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.GpuVendor;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Each column of the table {@code job} once: its name, the value that a run has for it, and how it is read. A new column is a
 * line here and one in the migration. Not here are the columns that the database itself makes.
 */
final class RunColumns extends TableColumns<Run> {
    private final Json json;

    private final Column<Run, Instant> recordedAt = time("recorded_at", Run::recordedAt);
    private final Column<Run, String> cluster = text("cluster", run -> run.identity().cluster());
    private final Column<Run, String> jobId = text("job_id", run -> run.identity().jobId());
    private final Column<Run, String> sluid = text("sluid", run -> run.identity().sluid());
    private final Column<Run, Instant> schedulerStart = time("scheduler_start", run -> run.identity().startTime());
    private final Column<Run, Boolean> startSeen = flag("start_seen", Run::startSeen);
    private final Column<Run, Instant> startTime = time("start_time", Run::startTime);

    private final Column<Run, String> user = text("user_name", run -> run.attributes().user());
    private final Column<Run, Long> uid = bigint("uid", run -> run.attributes().uid());
    private final Column<Run, List<String>> nodes = texts("nodes", run -> run.attributes().nodes());
    private final Column<Run, Boolean> nodesTold = flag("nodes_told", run -> run.attributes().nodesTold());
    private final Column<Run, String> partition = text("partition", run -> run.attributes().partition());
    private final Column<Run, String> account = text("account", run -> run.attributes().account());
    private final Column<Run, String> hetJobId = text("het_job_id", run -> run.attributes().hetJobId());
    private final Column<Run, Integer> restartCount = integer("restart_count", run -> run.attributes().restartCount());
    private final Column<Run, Instant> deadline = time("deadline", run -> run.attributes().deadline());
    private final Column<Run, Integer> cpus = integer("cpus", run -> run.attributes().allocated().cpus());
    private final Column<Run, Long> memoryMb = bigint("memory_mb", run -> run.attributes().allocated().memoryMb());
    private final Column<Run, Integer> gpus = integer("gpus", run -> run.attributes().allocated().gpus());
    private final Column<Run, GpuVendor> gpuVendor = constants("gpu_vendor", GpuVendor.class,
            run -> run.attributes().gpuVendor());
    private final Column<Run, List<String>> gpuDevices = texts("gpu_devices", run -> run.attributes().gpuDevices());
    private final Column<Run, String> cgroupPath = text("cgroup_path", run -> run.attributes().cgroupPath());
    private final Column<Run, Integer> requestedCpus = integer("requested_cpus",
            run -> run.attributes().requested().cpus());
    private final Column<Run, Long> requestedMemoryMb = bigint("requested_memory_mb",
            run -> run.attributes().requested().memoryMb());
    private final Column<Run, Integer> requestedGpus = integer("requested_gpus",
            run -> run.attributes().requested().gpus());
    private final Column<Run, Map<String, @Nullable Object>> scheduler = map("scheduler",
            run -> run.attributes().scheduler());

    private final Column<Run, Boolean> endSeen = flag("end_seen", run -> run.end().seen());
    private final Column<Run, Instant> endTime = time("end_time", run -> run.end().at());
    private final Column<Run, JobState> schedulerState = constants("scheduler_state", JobState.class,
            run -> ofScheduler(run, EndEvidence.SchedulerState::state));
    private final Column<Run, Reason> schedulerReason = constants("scheduler_reason", Reason.class,
            run -> ofScheduler(run, EndEvidence.SchedulerState::reason));
    private final Column<Run, String> rawState = text("raw_state",
            run -> ofScheduler(run, EndEvidence.SchedulerState::rawState));
    private final Column<Run, JobState> finalState = constants("final_state", JobState.class,
            run -> run.end().finalState());
    private final Column<Run, Integer> exitCode = integer("exit_code", run -> ofExit(run, WaitStatus::exitCode));
    private final Column<Run, Integer> exitSignal = integer("exit_signal", run -> ofExit(run, WaitStatus::signal));
    private final Column<Run, Integer> derivedExitCode = integer("derived_exit_code",
            run -> run.end().derivedExitCode());
    private final Column<Run, Integer> endRestartCount = integer("end_restart_count", run -> run.end().restartCount());
    private final Column<Run, Boolean> oomKilled = flag("oom_killed", run -> run.end().oomKilled());
    private final Column<Run, Boolean> superseded = flag("superseded", run -> run.end().superseded());
    private final Column<Run, Boolean> requeued = flag("requeued", run -> run.end().requeued());

    RunColumns(Json json) {
        super("");
        this.json = json;
        // Derived from the others: written, and read by queries only.
        constants("state", JobState.class, run -> run.outcome().state());
        constants("reason", Reason.class, run -> run.outcome().reason());
        flag("confirmed", run -> run.outcome().confirmed());
        text("search", SearchText::of);
    }

    /** A run, from a row with all columns of {@code job}. */
    Run read(ResultSet row, @Nullable NodeAllocation onNode) throws SQLException {
        Identity identity = new Identity(cluster.known(row), jobId.known(row), sluid.read(row),
                schedulerStart.read(row));
        JobAttributes attributes = new JobAttributes(user.read(row), uid.read(row), nodes.known(row),
                nodesTold.known(row), partition.read(row), account.read(row), hetJobId.read(row),
                restartCount.read(row), deadline.read(row),
                new Resources(cpus.read(row), memoryMb.read(row), gpus.read(row)), gpuVendor.read(row),
                gpuDevices.known(row), cgroupPath.read(row),
                new Resources(requestedCpus.read(row), requestedMemoryMb.read(row), requestedGpus.read(row)),
                scheduler.known(row));
        JobState reported = schedulerState.read(row);
        Integer code = exitCode.read(row);
        EndEvidence end = new EndEvidence(endSeen.known(row), endTime.read(row),
                reported == null
                        ? null
                        : new EndEvidence.SchedulerState(reported, schedulerReason.read(row), rawState.read(row)),
                finalState.read(row), code == null ? null : new WaitStatus(code, exitSignal.known(row)),
                derivedExitCode.read(row), endRestartCount.read(row), oomKilled.known(row), superseded.known(row),
                requeued.known(row));
        return new Run(row.getLong("job_key"), recordedAt.known(row), identity, startSeen.known(row),
                startTime.read(row), attributes, end, onNode);
    }

    private static <T> @Nullable T ofScheduler(Run run,
            Function<EndEvidence.SchedulerState, @Nullable T> field) {
        EndEvidence.SchedulerState state = run.end().scheduler();
        return state == null ? null : field.apply(state);
    }

    private static @Nullable Integer ofExit(Run run, Function<WaitStatus, Integer> half) {
        WaitStatus exit = run.end().exit();
        return exit == null ? null : half.apply(exit);
    }

    private Column<Run, Map<String, @Nullable Object>> map(String name,
            Function<Run, Map<String, @Nullable Object>> value) {
        return add(name, "cast(%s as jsonb)", run -> json.textWithNulls(value.apply(run)),
                (row, column) -> json.mapWithNulls(Columns.string(row, column)));
    }
}
