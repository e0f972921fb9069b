package org.jobwitness.wire;

/**
 * The components of a heterogeneous job that are recorded, by state; each counts once, with its newest run.
 *
 * @param id that of its leader, the first component
 */
public record HetJob(String id, long components, long pending, long running, long completed, long failed,
        long cancelled) {
}
