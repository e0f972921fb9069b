package org.jobwitness.agent.assignment;

/** The job that a process belongs to. */
public sealed interface ProcessOwner {
    record Job(String jobId) implements ProcessOwner {
    }

    /** A process of the node itself, or one that has ended. */
    record NoJob() implements ProcessOwner {
    }

    /** /proc does not show it. */
    record Unreadable() implements ProcessOwner {
    }
}
