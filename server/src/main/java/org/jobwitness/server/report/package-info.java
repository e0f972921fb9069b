/**
 * Reports: what ended runs were given and used, by whom and where, summed by day as runs end. Sums of samples belong to {@code
 * sample}, verdicts to {@code verdict}.
 */
@NullMarked
package org.jobwitness.server.report;

import org.jspecify.annotations.NullMarked;
