/**
 * The endpoint for agents: a batch is what one node's agent read in one cycle. Each of its jobs is assigned to its run, or
 * creates one; figures of jobs go to {@code sample}, those of the node to {@code node}. A batch is committed as a whole, and
 * once, however often it is sent.
 */
@NullMarked
package org.jobwitness.server.batch;

import org.jspecify.annotations.NullMarked;
