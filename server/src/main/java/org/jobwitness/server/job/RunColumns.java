package org.jobwitness.server.job;

import static org.jobwitness.server.db.Columns.constant;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.statement.SqlStatement;
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
final class RunColumns {
    private final List<Column<?>> all = new ArrayList<>();
    private final Json json;

    private final Column<Instant> recordedAt = time("recorded_at", Run::recordedAt);
    private final Column<String> cluster = text("cluster", run -> run.identity().cluster());
    private final Column<String> jobId = text("job_id", run -> run.identity().jobId());
    private final Column<String> sluid = text("sluid", run -> run.identity().sluid());
    private final Column<Instant> schedulerStart = time("scheduler_start", run -> run.identity().startTime());
    private final Column<Boolean> startSeen = flag("start_seen", Run::startSeen);
    private final Column<Instant> startTime = time("start_time", Run::startTime);

    private final Column<String> user = text("user_name", run -> run.attributes().user());
    private final Column<Long> uid = bigint("uid", run -> run.attributes().uid());
    private final Column<List<String>> nodes = texts("nodes", run -> run.attributes().nodes());
    private final Column<String> partition = text("partition", run -> run.attributes().partition());
    private final Column<String> account = text("account", run -> run.attributes().account());
    private final Column<String> hetJobId = text("het_job_id", run -> run.attributes().hetJobId());
    private final Column<Integer> restartCount = integer("restart_count", run -> run.attributes().restartCount());
    private final Column<Instant> deadline = time("deadline", run -> run.attributes().deadline());
    private final Column<Integer> cpus = integer("cpus", run -> run.attributes().allocated().cpus());
    private final Column<Long> memoryMb = bigint("memory_mb", run -> run.attributes().allocated().memoryMb());
    private final Column<Integer> gpus = integer("gpus", run -> run.attributes().allocated().gpus());
    private final Column<GpuVendor> gpuVendor = constants("gpu_vendor", GpuVendor.class,
            run -> run.attributes().gpuVendor());
    private final Column<List<String>> gpuDevices = texts("gpu_devices", run -> run.attributes().gpuDevices());
    private final Column<String> cgroupPath = text("cgroup_path", run -> run.attributes().cgroupPath());
    private final Column<Integer> requestedCpus = integer("requested_cpus", run -> run.attributes().requested().cpus());
    private final Column<Long> requestedMemoryMb = bigint("requested_memory_mb",
            run -> run.attributes().requested().memoryMb());
    private final Column<Integer> requestedGpus = integer("requested_gpus", run -> run.attributes().requested().gpus());
    private final Column<Map<String, @Nullable Object>> scheduler = map("scheduler",
            run -> run.attributes().scheduler());

    private final Column<Boolean> endSeen = flag("end_seen", run -> run.end().seen());
    private final Column<Instant> endTime = time("end_time", run -> run.end().at());
    private final Column<JobState> schedulerState = constants("scheduler_state", JobState.class,
            run -> ofScheduler(run, EndEvidence.SchedulerState::state));
    private final Column<Reason> schedulerReason = constants("scheduler_reason", Reason.class,
            run -> ofScheduler(run, EndEvidence.SchedulerState::reason));
    private final Column<String> rawState = text("raw_state",
            run -> ofScheduler(run, EndEvidence.SchedulerState::rawState));
    private final Column<JobState> finalState = constants("final_state", JobState.class, run -> run.end().finalState());
    private final Column<Integer> exitCode = integer("exit_code", run -> ofExit(run, WaitStatus::exitCode));
    private final Column<Integer> exitSignal = integer("exit_signal", run -> ofExit(run, WaitStatus::signal));
    private final Column<Integer> derivedExitCode = integer("derived_exit_code", run -> run.end().derivedExitCode());
    private final Column<Integer> endRestartCount = integer("end_restart_count", run -> run.end().restartCount());
    private final Column<Boolean> oomKilled = flag("oom_killed", run -> run.end().oomKilled());
    private final Column<Boolean> superseded = flag("superseded", run -> run.end().superseded());
    private final Column<Boolean> requeued = flag("requeued", run -> run.end().requeued());

    RunColumns(Json json) {
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
                partition.read(row), account.read(row), hetJobId.read(row), restartCount.read(row), deadline.read(row),
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

    /** All of them as SQL, each made of its name and its placeholder. */
    String sql(String format) {
        return all.stream().map(column -> String.format(Locale.ROOT, format, column.name(), column.placeholder()))
                .collect(Collectors.joining(", "));
    }

    /** Binds all placeholders. */
    <S extends SqlStatement<S>> S bind(S statement, Run run) {
        all.forEach(column -> column.bind(statement, run));
        return statement;
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

    @FunctionalInterface
    private interface Reader<T> {
        @Nullable
        T read(ResultSet row, String name) throws SQLException;
    }

    /**
     * A column.
     *
     * @param value what is bound: a list as an array of texts, all else by its class
     */
    private record Column<T>(String name, String placeholder, Function<Run, @Nullable Object> value,
            Reader<T> reader) {
        @Nullable
        T read(ResultSet row) throws SQLException {
            return reader.read(row, name);
        }

        T known(ResultSet row) throws SQLException {
            return Objects.requireNonNull(read(row), name);
        }

        void bind(SqlStatement<?> statement, Run run) {
            Object bound = value.apply(run);
            if (bound instanceof List<?> texts) {
                statement.bindArray(name, String.class, texts);
            } else {
                statement.bind(name, bound);
            }
        }
    }

    private <T> Column<T> add(String name, Function<Run, @Nullable Object> value, Reader<T> reader) {
        return add(new Column<>(name, ":" + name, value, reader));
    }

    private <T> Column<T> add(Column<T> column) {
        all.add(column);
        return column;
    }

    private Column<String> text(String name, Function<Run, @Nullable String> value) {
        return add(name, value::apply, ResultSet::getString);
    }

    private Column<Integer> integer(String name, Function<Run, @Nullable Integer> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Integer.class));
    }

    private Column<Long> bigint(String name, Function<Run, @Nullable Long> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Long.class));
    }

    private Column<Boolean> flag(String name, Function<Run, @Nullable Boolean> value) {
        return add(name, value::apply, (row, column) -> row.getObject(column, Boolean.class));
    }

    private Column<Instant> time(String name, Function<Run, @Nullable Instant> value) {
        return add(name, value::apply, Columns::time);
    }

    private Column<List<String>> texts(String name, Function<Run, List<String>> value) {
        return add(name, value::apply, Columns::strings);
    }

    private <E extends Enum<E>> Column<E> constants(String name, Class<E> type, Function<Run, @Nullable E> value) {
        return add(name, run -> Objects.toString(value.apply(run), null),
                (row, column) -> constant(type, row.getString(column)));
    }

    private Column<Map<String, @Nullable Object>> map(String name, Function<Run, Map<String, @Nullable Object>> value) {
        return add(new Column<>(name, "cast(:" + name + " as jsonb)", run -> json.textWithNulls(value.apply(run)),
                (row, column) -> json.mapWithNulls(Columns.string(row, column))));
    }
}
