/**
 * The door for agents: a batch holds what one node's agent read in one cycle. Each of its jobs is the run that it is seen to be, or
 * makes one; its figures go to {@code sample}, those of the node to {@code node}, and all of a batch is committed together, once,
 * however often it is sent.
 */
@NullMarked
package org.jobwitness.server.batch;

import org.jspecify.annotations.NullMarked;
