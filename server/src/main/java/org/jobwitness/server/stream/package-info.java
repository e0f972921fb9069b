/**
 * GET /v1/stream: what becomes of jobs, told to those who listen as it happens. Changes of runs and samples come in after
 * their commit, on the threads that wrote them; what they come to is read from the database once for all listeners and goes out
 * to each as far as its filters and its scope go. Nothing is done while nobody listens, and nothing is kept for those who come
 * later: what was before, {@code job} tells.
 */
@NullMarked
package org.jobwitness.server.stream;

import org.jspecify.annotations.NullMarked;
