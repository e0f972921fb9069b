package org.jobwitness.server.query;

/**
 * What /metrics says of a job: the labels of its newest run; an unknown one is empty.
 *
 * @param tasks how many tasks of an array wait together as this job; else 1
 */
public record JobLabels(String cluster, String jobId, String user, String partition, String account, String name,
        String state, String reason, long tasks) {
}
