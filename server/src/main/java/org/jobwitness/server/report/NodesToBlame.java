package org.jobwitness.server.report;

import static org.jobwitness.server.db.Columns.integers;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.report.Blame.Named;
import org.jobwitness.server.report.Blame.Place;
import org.jobwitness.server.report.Blame.Tally;
import org.jobwitness.server.verdict.GpuFaults;
import org.jobwitness.server.verdict.Phrases;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.ReportFaults;
import org.jobwitness.wire.ReportFaults.Fault;
import org.jobwitness.wire.ReportFaults.Kind;
import org.jspecify.annotations.Nullable;

/** Finds the nodes and GPUs on which more runs failed than chance explains, and the GPUs of which errors were reported. */
public final class NodesToBlame {
    /** Ends that a fault of a node may look like. What users and their requests cause (memory, time, scancel) does not count. */
    private static final Map<Kind, List<Reason>> REASONS = Map.of(
            Kind.NODE_FAILURES, List.of(Reason.NODE_FAILURE, Reason.LAUNCH_FAILURE),
            Kind.PROGRAM_FAILURES, List.of(Reason.EXIT_CODE, Reason.SIGNAL));
    private static final String TALLIES = """
            with trial as (
                %1$s group by 1, 2, 3, 4, 5
            )
            select cluster, node, gpu, person, max(minor) as minor, max(model) as model, count(*) as trials,
                sum(runs)::bigint as runs,
                count(*) filter (where node_failures > 0) as node_trials, sum(node_failures)::bigint as node_failures,
                count(*) filter (where program_failures > 0) as program_trials,
                sum(program_failures)::bigint as program_failures
            from trial group by cluster, node, gpu, person order by cluster, node, gpu, person""";
    private static final String PERSON = "coalesce(user_name, uid::text, '')";
    private static final String ON_NODES = TALLIES.formatted("""
            select cluster, node, null as gpu, %s as person, day, null::integer as minor, null as model, sum(runs) as runs,
                coalesce(sum(runs) filter (where state = 'failed' and reason = any(:of_nodes)), 0) as node_failures,
                coalesce(sum(runs) filter (where state = 'failed' and reason = any(:of_programs)), 0) as program_failures
            from report_day join report_owner using (owner_id)
            where day >= :from and day < :to and node <> '' and runs > 0""".formatted(PERSON));
    private static final String OF_GPUS = """
            from report_fact join report_owner using (owner_id)
            join (select *, coalesce(device ->> 'parent', gpu) as whole from job_gpu_figures where hold <> 'unsure') figures
                using (job_key)
            where day >= :from and day < :to and report_fact.node = ''""";
    private static final String ON_GPUS = TALLIES.formatted("""
            select cluster, figures.node, whole as gpu, %s as person, day, max((device ->> 'minor')::integer) as minor,
                max(device ->> 'model') as model, count(distinct job_key) as runs,
                count(distinct job_key) filter (where state = 'failed' and reason = any(:of_nodes)) as node_failures,
                count(distinct job_key) filter (where state = 'failed' and reason = any(:of_programs)) as program_failures
            %s""".formatted(PERSON, OF_GPUS));

    private final Database database;
    private final Clock clock;

    public NodesToBlame(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /** A device as its driver names it. */
    private record Device(@Nullable Integer minor, @Nullable String model) {
    }

    /** All tallies, by kind of failure and place. */
    private record Tallies(Map<Kind, List<Map.Entry<Place, Tally>>> byKind, Map<Place, Device> devices) {
        Map<Place, List<Tally>> of(Kind kind) {
            return Blame.byPlace(Objects.requireNonNull(byKind.get(kind)));
        }
    }

    public ReportFaults of(Period period) {
        return database.snapshot("report_faults", handle -> {
            Tallies onNodes = tallies(handle, ON_NODES, period);
            Tallies onGpus = tallies(handle, ON_GPUS, period);
            List<Fault> faults = new ArrayList<>(errors(handle, period));
            for (Kind kind : List.of(Kind.NODE_FAILURES, Kind.PROGRAM_FAILURES)) {
                List<Fault> ofGpus = faults(kind, onGpus);
                List<Fault> ofNodes = faults(kind, onNodes);
                faults.addAll(ofGpus);
                ofNodes.stream().filter(node -> ofGpus.stream().noneMatch(gpu -> explains(gpu, node)))
                        .forEach(faults::add);
            }
            faults.sort(Comparator.comparingDouble(fault -> Objects.requireNonNullElse(fault.chance(), 0.0)));
            return new ReportFaults(period.from(), period.to(), clock.instant(), onNodes.devices().size(),
                    onGpus.devices().size(), faults, excludes(faults));
        });
    }

    /** Whether most failures of a node are those of a GPU of it. */
    private static boolean explains(Fault gpu, Fault node) {
        return gpu.cluster().equals(node.cluster()) && gpu.node().equals(node.node())
                && gpu.failedRuns() * 2 >= node.failedRuns();
    }

    private static Tallies tallies(Handle handle, String sql, Period period) {
        Tallies tallies = new Tallies(Map.of(Kind.NODE_FAILURES, new ArrayList<>(), Kind.PROGRAM_FAILURES,
                new ArrayList<>()), new HashMap<>());
        Query query = handle.createQuery(sql).bind("from", period.from()).bind("to", period.to())
                .bindArray("of_nodes", String.class, words(Kind.NODE_FAILURES))
                .bindArray("of_programs", String.class, words(Kind.PROGRAM_FAILURES));
        Database.streaming(query).map((row, _) -> {
            Place place = new Place(string(row, "cluster"), string(row, "node"), row.getString("gpu"));
            tallies.devices().merge(place, device(row), (one, _) -> one);
            Objects.requireNonNull(tallies.byKind().get(Kind.NODE_FAILURES))
                    .add(Map.entry(place, tally(row, "node")));
            return Objects.requireNonNull(tallies.byKind().get(Kind.PROGRAM_FAILURES))
                    .add(Map.entry(place, tally(row, "program")));
        }).forEach(_ -> {
        });
        return tallies;
    }

    private static List<String> words(Kind kind) {
        return Objects.requireNonNull(REASONS.get(kind)).stream().map(Reason::toString).toList();
    }

    private static Device device(ResultSet row) throws SQLException {
        int minor = row.getInt("minor");
        return new Device(row.wasNull() ? null : minor, row.getString("model"));
    }

    private static Tally tally(ResultSet row, String kind) throws SQLException {
        return new Tally(string(row, "person"), row.getLong("runs"), row.getLong(kind + "_failures"),
                row.getInt("trials"), row.getInt(kind + "_trials"));
    }

    private static List<Fault> faults(Kind kind, Tallies tallies) {
        return Blame.of(tallies.of(kind)).stream()
                .map(named -> fault(kind, named, Objects.requireNonNull(tallies.devices().get(named.place()))))
                .toList();
    }

    private static Fault fault(Kind kind, Named named, Device device) {
        List<Tally> failed = named.tallies().stream().filter(tally -> tally.failures() > 0).toList();
        long runs = named.tallies().stream().mapToLong(Tally::runs).sum();
        long failedRuns = failed.stream().mapToLong(Tally::failedRuns).sum();
        String sentence = where(named.place(), device) + ": " + failedRuns + " of " + Phrases.count(runs, "run")
                + (kind == Kind.NODE_FAILURES
                        ? " ended because the node failed or could not start them, of "
                        : " failed, of ")
                + failed.size() + " of " + Phrases.count(named.tallies().size(), "user")
                + ". Counted once for each user and day these are " + named.failures() + ", where "
                + Phrases.number(named.expected())
                + " were to be expected by how the same users' runs ended elsewhere.";
        return new Fault(kind, named.place().cluster(), named.place().node(), named.place().gpu(), device.minor(),
                device.model(), runs, named.tallies().size(), failedRuns, failed.size(), named.failures(),
                named.expected(), named.chance(), List.of(), 0, sentence);
    }

    private static String where(Place place, Device device) {
        String node = Phrases.plain(place.node());
        if (place.gpu() == null) {
            return node;
        }
        String gpu = device.minor() == null ? Phrases.plain(place.gpu()) : device.minor().toString();
        return node + ", GPU " + gpu + (device.model() == null ? "" : " (" + Phrases.plain(device.model()) + ")");
    }

    private static List<Fault> errors(Handle handle, Period period) {
        return handle
                .createQuery("""
            select cluster, node, gpu, max(minor) as minor, max(model) as model, count(distinct job_key) as runs,
                count(distinct person) as users, count(distinct job_key) filter (where has_error) as failed_runs,
                count(distinct person) filter (where has_error) as failed_users,
                coalesce(sum(greatest(0, last_ecc_errors - first_ecc_errors)), 0)::bigint as ecc_errors,
                array(select distinct xid from unnest(string_to_array(string_agg(
                    nullif(array_to_string(xids, ','), ''), ','), ',')::integer[]) xid where xid = any(:xids) order by xid) as xids
            from (select cluster, figures.node, whole as gpu, (device ->> 'minor')::integer as minor,
                    device ->> 'model' as model, job_key, %1$s as person, xids, first_ecc_errors, last_ecc_errors,
                    coalesce(xids && :xids or last_ecc_errors > first_ecc_errors, false) as has_error
                %2$s) held
            group by cluster, node, gpu having bool_or(has_error) order by cluster, node, gpu""".formatted(PERSON,
                        OF_GPUS))
                .bind("from", period.from())
                .bind("to", period.to()).bindArray("xids", Integer.class, GpuFaults.fatal())
                .map((row, _) -> error(row)).list();
    }

    private static Fault error(ResultSet row) throws SQLException {
        Place place = new Place(string(row, "cluster"), string(row, "node"), string(row, "gpu"));
        Device device = device(row);
        List<Integer> xids = integers(row, "xids");
        long ecc = row.getLong("ecc_errors");
        long failed = row.getLong("failed_runs");
        long users = row.getLong("failed_users");
        String errors = Stream.of(ecc == 0 ? "" : Phrases.count(ecc, "uncorrectable memory error"),
                GpuFaults.named(xids)).filter(text -> !text.isEmpty()).collect(Collectors.joining(", "));
        String sentence = where(place, device) + ": the driver reported " + errors + ", in "
                + Phrases.count(failed, "run") + " of " + Phrases.count(users, "user") + ", of "
                + Phrases.count(row.getLong("runs"), "run") + " that had the GPU.";
        return new Fault(Kind.GPU_ERRORS, place.cluster(), place.node(), place.gpu(), device.minor(), device.model(),
                row.getLong("runs"), row.getLong("users"), failed, users, failed, null, null, xids, ecc, sentence);
    }

    private static List<ReportFaults.Exclude> excludes(List<Fault> faults) {
        Map<String, TreeSet<String>> byCluster = faults.stream().collect(Collectors.groupingBy(
                Fault::cluster, TreeMap::new,
                Collectors.mapping(Fault::node, Collectors.toCollection(TreeSet::new))));
        return byCluster.entrySet().stream().map(cluster -> new ReportFaults.Exclude(cluster.getKey(),
                List.copyOf(cluster.getValue()), "#SBATCH --exclude=" + String.join(",", cluster.getValue()))).toList();
    }
}
