package org.jobwitness.agent.assignment;

/** Whose a process is. */
public sealed interface ProcessOwner {
    record Job(String jobId) implements ProcessOwner {
    }

    /** No job's: the node's own, or it has ended. */
    record Nobody() implements ProcessOwner {
    }

    /** /proc does not tell. */
    record Hidden() implements ProcessOwner {
    }
}
