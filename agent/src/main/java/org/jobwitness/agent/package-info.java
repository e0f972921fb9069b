/**
 * The agent, one process on each compute node. {@code Sampler} looks at the jobs, on the wall clock and whenever something befalls
 * one, and makes batches of it; {@code spool} keeps them and {@code ship} sends them. It changes nothing on the node but its own
 * folder.
 */
@NullMarked
package org.jobwitness.agent;

import org.jspecify.annotations.NullMarked;
