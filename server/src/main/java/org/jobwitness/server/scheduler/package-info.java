/**
 * Polls Slurm, one server at a time: how jobs ended, why they are pending, what was allocated to them, and the states of nodes.
 * Slurm's record becomes evidence for {@code job} like any other, only the strongest. Slurm's JSON, in all its versions, stays in
 * here: {@code Fields} knows its shapes and {@code SlurmJson} its names; behind them a job is a {@code SlurmJob}. The outcome of
 * a run is decided by {@code job}.
 */
@NullMarked
package org.jobwitness.server.scheduler;

import org.jspecify.annotations.NullMarked;
