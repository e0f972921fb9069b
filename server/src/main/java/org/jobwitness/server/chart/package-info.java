/**
 * Samples as callers read them: pages of samples, and series reduced to few points for a chart, with gaps kept as gaps.
 */
@NullMarked
package org.jobwitness.server.chart;

import org.jspecify.annotations.NullMarked;
