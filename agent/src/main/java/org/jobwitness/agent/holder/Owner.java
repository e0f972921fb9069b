package org.jobwitness.agent.holder;

/** Whose a process is. */
public sealed interface Owner {
    record Job(String jobId) implements Owner {
    }

    /** No job's: the node's own, or it has ended. */
    record Nobody() implements Owner {
    }

    /** /proc does not tell. */
    record Hidden() implements Owner {
    }
}
