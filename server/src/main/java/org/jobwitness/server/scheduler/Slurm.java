package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.Collection;
import java.util.List;

/** The calls to Slurm. Each has a timeout. For one thread. */
interface Slurm extends AutoCloseable {

    /** The source of records of slurmctld or slurmdbd, for the audit trail. */
    String source(boolean accounted);

    Listing list() throws SlurmException, InterruptedException;

    /** A job in slurmctld's memory, or all tasks of an array; empty if it is not there. */
    List<SlurmJob> job(String jobId) throws SlurmException, InterruptedException;

    /** All runs of jobs that ended in a time, as slurmdbd has them. */
    List<SlurmJob> ended(Instant from, Instant to) throws SlurmException, InterruptedException;

    /** All runs of the given jobs, as slurmdbd has them. */
    List<SlurmJob> accounted(Collection<String> jobIds) throws SlurmException, InterruptedException;

    List<SlurmNode> nodes() throws SlurmException, InterruptedException;

    /** All users, as slurmdbd has them. */
    List<SlurmUser> users() throws SlurmException, InterruptedException;

    /** All accounts of all clusters, as slurmdbd has them. */
    List<SlurmAccount> accounts() throws SlurmException, InterruptedException;

    @Override
    void close();

    /** Jobs that people create by hand may have other ids. */
    static boolean isJobId(String jobId) {
        return jobId.matches("[1-9][0-9]{0,9}");
    }
}
