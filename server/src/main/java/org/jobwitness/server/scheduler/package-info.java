/**
 * Asks Slurm, one server at a time: what became of jobs, what they wait for, what they were given, and how the nodes are.
 * What it says becomes evidence for {@code job} like any other, only the strongest. Slurm's JSON, in all its versions, stays in
 * here: {@code Fields} knows its shapes and {@code SlurmJson} its names; behind them a job is a {@code SlurmJob}. What a run
 * comes to is decided by {@code job}.
 */
@NullMarked
package org.jobwitness.server.scheduler;

import org.jspecify.annotations.NullMarked;
