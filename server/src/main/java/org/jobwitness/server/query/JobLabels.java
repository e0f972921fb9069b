package org.jobwitness.server.query;

/** What /metrics says of a job: the labels of its newest run; an unknown one is empty. */
public record JobLabels(String cluster, String jobId, String user, String partition, String account, String name,
        String state, String reason) {
}
