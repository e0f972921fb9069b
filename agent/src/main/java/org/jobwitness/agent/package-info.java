/**
 * The agent, one process on each compute node. {@code sampling} reads the jobs and makes batches, {@code spool} keeps them on
 * disk, and {@code ship} sends them. It changes nothing on the node except its own folder.
 */
@NullMarked
package org.jobwitness.agent;

import org.jspecify.annotations.NullMarked;
