package org.jobwitness.server.node;

import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Columns.strings;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;

/** Compares the jobs that run by Slurm's record with those that agents read: a node without an agent is noticed by its jobs. */
public final class SeenJobs {
    /** As in the alert AgentSilent. Jobs that have not run for so long are left out: a first reading may be on its way. */
    public static final Duration WINDOW = Duration.ofMinutes(5);
    private static final int MAX_NAMED = 5;
    /** A job that completes has no processes and often no cgroup. */
    private static final String SELECT = """
            with running as (
                select job.cluster, job.job_key, job.job_id, exists (select from job_figures
                    where job_figures.job_key = job.job_key and last_sample_at > :since) as is_seen
                from job
                where job.state = 'running' and job.newest
                    and job.scheduler_state = 'running' and coalesce(job.raw_state, '') not like '%COMPLETING%'
                    and coalesce(job.scheduler_start, job.start_time) <= :since
            ), unseen as (
                select running.cluster, running.job_id, bool_or(coalesce(node.at <= :since, true)) as is_on_silent
                from running left join job_node using (job_key) left join node using (cluster, node)
                where not is_seen group by running.cluster, running.job_id
            )
            select cluster, count(*) as running, count(*) filter (where is_seen) as seen,
                array(select distinct job_node.node from running one join job_node using (job_key)
                    left join node using (cluster, node)
                    where one.cluster = running.cluster and coalesce(node.at <= :since, true)
                    order by job_node.node) as silent,
                array(select job_id from unseen where unseen.cluster = running.cluster and not is_on_silent
                    order by job_id) as missed,
                array(select distinct job_figures.node from running one join job_figures using (job_key)
                    where one.cluster = running.cluster and last_sample_at > :since
                        and not exists (select from job_node where job_node.job_key = one.job_key
                            and job_node.node = job_figures.node)
                    order by job_figures.node) as misnamed
            from running group by cluster order by cluster""";

    private final Database database;
    private final Clock clock;

    public SeenJobs(Database database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * The jobs of a cluster that have run for {@link #WINDOW} by Slurm's record.
     *
     * @param seen those of them with a reading, on any of their nodes, within the window
     * @param silent nodes of the running jobs from whose agents nothing came within the window
     * @param missed ids of jobs that were not seen though the agents of all their nodes report
     * @param misnamed names under which agents read these jobs, and which are not in Slurm's list of the jobs' nodes
     */
    public record Seen(String cluster, long running, long seen, List<String> silent, List<String> missed,
            List<String> misnamed) {
        public Seen {
            misnamed = List.copyOf(misnamed);
            silent = List.copyOf(silent);
            missed = List.copyOf(missed);
        }

        /** Such as "Jobs running according to Slurm: 412; seen by agents: 371; nodes without word: n1, n2". */
        public String words() {
            return "Jobs running according to Slurm: " + running + "; seen by agents: " + seen
                    + named("; nodes without word: ", silent)
                    + named("; not seen though their nodes report: job ", missed)
                    + named("; agents whose name is not Slurm's name of the node, for which JOBWITNESS_NODE is to be set: ",
                            misnamed);
        }

        private static String named(String what, List<String> all) {
            if (all.isEmpty()) {
                return "";
            }
            return what + all.stream().limit(MAX_NAMED).collect(Collectors.joining(", "))
                    + (all.size() > MAX_NAMED ? " and " + (all.size() - MAX_NAMED) + " more" : "");
        }

        private boolean isComplete() {
            return seen == running && silent.isEmpty() && misnamed.isEmpty();
        }
    }

    /** Of each cluster with such a job. Empty where Slurm is not asked. */
    public List<Seen> all() {
        return database.read("seen_jobs", this::all);
    }

    /** As {@link #all()}, in the handle's transaction. */
    public List<Seen> all(Handle handle) {
        Instant since = clock.instant().minus(WINDOW);
        return handle.createQuery(SELECT).bind("since", since).map((row, _) -> seen(row)).list();
    }

    private static Seen seen(ResultSet row) throws SQLException {
        return new Seen(string(row, "cluster"), row.getLong("running"), row.getLong("seen"),
                strings(row, "silent"), strings(row, "missed"), strings(row, "misnamed"));
    }

    /** Of each cluster where agents do not see all; empty if they do. */
    public Optional<String> problem() {
        List<Seen> gaps = all().stream().filter(seen -> !seen.isComplete()).toList();
        return gaps.isEmpty()
                ? Optional.empty()
                : Optional.of(gaps.stream().map(seen -> seen.cluster() + ": " + seen.words())
                        .collect(Collectors.joining("; ")));
    }
}
