package org.jobwitness.server.scheduler;

import java.time.Instant;
import java.util.Collection;
import java.util.List;

/**
 * What can be asked of a Slurm. Each question ends within a time limit. Not for more than one thread at a time.
 */
interface Slurm extends AutoCloseable {

    /** Where what slurmctld says is from, for the audit trail; or what slurmdbd says. */
    String source(boolean accounted);

    Listing list() throws SlurmException, InterruptedException;

    /** A job in slurmctld's memory, or all tasks of an array; empty if it is not there. */
    List<SlurmJob> job(String jobId) throws SlurmException, InterruptedException;

    /** All runs of jobs that ended in a time, as slurmdbd has them. */
    List<SlurmJob> ended(Instant from, Instant to) throws SlurmException, InterruptedException;

    /** All runs of the given jobs, as slurmdbd has them. */
    List<SlurmJob> accounted(Collection<String> jobIds) throws SlurmException, InterruptedException;

    List<SlurmNode> nodes() throws SlurmException, InterruptedException;

    @Override
    void close();
}
