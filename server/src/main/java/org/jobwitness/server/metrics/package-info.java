/**
 * GET /metrics. What is said of jobs, GPUs and nodes is asked from the database at each scrape, put aside in a file and
 * written from there, so that memory does not grow with the number of series; what the server says of itself comes from
 * its registry.
 */
@NullMarked
package org.jobwitness.server.metrics;

import org.jspecify.annotations.NullMarked;
