/**
 * Reports: what ended runs were given and used, by whom and where, summed by day as runs end; whose jobs waste the most, and which
 * nodes and GPUs fail more than chance would have it. Sums of samples belong to {@code sample}, verdicts to {@code verdict}.
 */
@NullMarked
package org.jobwitness.server.report;

import org.jspecify.annotations.NullMarked;
