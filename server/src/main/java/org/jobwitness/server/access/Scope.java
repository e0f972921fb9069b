package org.jobwitness.server.access;

/** Which jobs a caller may see. Every query about jobs is asked within one. */
public sealed interface Scope {

    /** All jobs of all users. */
    record Everything() implements Scope {
    }

    /** The jobs of one user. */
    record JobsOf(String user) implements Scope {
    }
}
