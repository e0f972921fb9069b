/**
 * The pages for people: a job, lists of jobs, the cluster, a node, a user, an account. {@code Pages} reads what a request asks
 * for from the services that the API uses, within the caller's scope, and a view makes HTML of it, complete without scripts. The
 * scripts and styles in {@code resources/page} add charts to zoom, updates without a reload and the reader's time zone.
 */
@NullMarked
package org.jobwitness.server.page;

import org.jspecify.annotations.NullMarked;
