/**
 * The simulated cluster behind SEED_DEMO: a week of history and live jobs, in which each kind of use and each kind of end has
 * a job to look at. {@code Schedule} has the tables of jobs and {@code Story} what they show. {@code Planner} decides which
 * job runs where and when, {@code Timeline} what is reported of it: pure functions of seed and epoch. {@code DemoCluster}
 * delivers that as nodes, agents and a scheduler do, to {@code job}, {@code batch} and {@code node}.
 */
@NullMarked
package org.jobwitness.server.demo;

import org.jspecify.annotations.NullMarked;
