/**
 * The simulated cluster behind SEED_DEMO: a week of history and a present that goes on, in which every way a job can end
 * is told by a job that one can look at. {@code Timeline} knows what happens when, as a pure function of seed and epoch;
 * {@code DemoCluster} tells it through the doors that real nodes, their agents and a real scheduler use. What becomes of it
 * there is the business of {@code job}, {@code batch} and {@code node}.
 */
@NullMarked
package org.jobwitness.server.demo;

import org.jspecify.annotations.NullMarked;
