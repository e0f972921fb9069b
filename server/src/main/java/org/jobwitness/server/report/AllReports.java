package org.jobwitness.server.report;

/**
 * What makes each kind of report.
 *
 * @param sums what runs had and used
 * @param talks where a change would free the most
 * @param faults nodes and GPUs to blame
 */
public record AllReports(Reports sums, JobsToTalkAbout talks, NodesToBlame faults) {
}
