/**
 * GET /metrics. Jobs, GPUs and nodes are read from the database at each scrape, buffered in a file and written from there, so
 * that memory does not grow with the number of series; the server's own metrics come from its registry.
 */
@NullMarked
package org.jobwitness.server.metrics;

import org.jspecify.annotations.NullMarked;
