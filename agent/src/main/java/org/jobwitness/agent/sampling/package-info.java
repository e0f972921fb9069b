/**
 * Reads the jobs of this node, on the wall clock and whenever something happens to one of them, and makes batches of the readings.
 */
@NullMarked
package org.jobwitness.agent.sampling;

import org.jspecify.annotations.NullMarked;
