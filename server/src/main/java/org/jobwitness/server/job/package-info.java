/**
 * The runs of jobs: what is known of each, and the one place that changes it. {@code JobLifecycle} decides, as a pure
 * function, what a piece of evidence changes in the runs of its job. {@code JobTable} writes run and audit row in one
 * transaction and notifies listeners after the commit; {@code RunTable} has the SQL, {@code RunColumns} and
 * {@code NodeColumns} each column once. {@code JobDeletion} deletes runs. Reading runs for callers is done in {@code query}.
 */
@NullMarked
package org.jobwitness.server.job;

import org.jspecify.annotations.NullMarked;
