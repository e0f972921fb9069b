/**
 * GET /v1/stream: changes of jobs and fresh figures as server-sent events. Changes and samples arrive after their commit, on
 * the threads that wrote them; the runs are read from the database once for all listeners, and each listener gets what its
 * filters and its scope allow. Nothing is done while there is no listener, and nothing is kept for later ones: earlier states
 * are in {@code query}.
 */
@NullMarked
package org.jobwitness.server.stream;

import org.jspecify.annotations.NullMarked;
