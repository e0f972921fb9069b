package org.jobwitness.server.batch;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.batch.AgentBatches.BatchNumber;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.sample.SilentRuns;

/**
 * Ends runs as lost whose node goes on sending batches without them: it has booted since, or its epilog never ran. Only where
 * Slurm is not asked, which knows better.
 */
final class VanishedJobs {
    /** Batches in a row without the job; each node is looked at once in as many. */
    private static final int MIN_BATCHES = 20;
    private static final Duration TIMEOUT = Duration.ofMinutes(5);

    private final Database database;
    private final JobTable jobs;

    VanishedJobs(Database database, JobTable jobs) {
        this.database = database;
        this.jobs = jobs;
    }

    /** To be called once a batch is stored. */
    void check(Caller caller, BatchNumber number, Instant at) {
        if (number.sequence() % MIN_BATCHES != 0) {
            return;
        }
        List<SilentRuns.Silent> silent = database.read("vanished_jobs",
                handle -> AgentBatches.isUnbroken(handle, number, MIN_BATCHES)
                        ? SilentRuns.of(handle, number.cluster(), number.node(), at.minus(TIMEOUT))
                        : List.of());
        silent.forEach(run -> jobs.lose(caller, new Evidence.Lost(run.identity(), run.lastReadAt(),
                "not in " + MIN_BATCHES + " batches of " + number.node() + " in a row, until "
                        + at.truncatedTo(ChronoUnit.SECONDS))));
    }
}
