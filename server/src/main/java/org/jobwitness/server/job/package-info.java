/**
 * The runs of jobs: what is known of each, and the one place that changes it. {@code JobLifecycle} decides, as a pure
 * function, what a piece of evidence means for the runs of its job; {@code JobTable} writes run and audit row in one
 * transaction and tells listeners after the commit. Evidence comes in from {@code event} and the scheduler; runs go out
 * through the jobs endpoints. How evidence arrives, and what a job used, is the business of others.
 */
@NullMarked
package org.jobwitness.server.job;

import org.jspecify.annotations.NullMarked;
