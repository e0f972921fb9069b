/**
 * GET /metrics. What is said of jobs is asked from the database at each scrape and streamed as it comes, so that memory
 * does not grow with the number of series; what the server says of itself comes from its registry.
 */
@NullMarked
package org.jobwitness.server.metrics;

import org.jspecify.annotations.NullMarked;
