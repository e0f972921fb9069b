/** Slurm's host list expressions, which events, Slurm's records and the tokens of agents name nodes with. */
@NullMarked
package org.jobwitness.server.hosts;

import org.jspecify.annotations.NullMarked;
