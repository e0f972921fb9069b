/**
 * The agent about itself: its own metrics for Prometheus.
 */
@NullMarked
package org.jobwitness.agent.status;

import org.jspecify.annotations.NullMarked;
