package org.jobwitness.server.access;

/** Which jobs a caller may see. Every query for jobs is limited to one. */
public sealed interface Scope {

    /** All jobs of all users. */
    record Everything() implements Scope {
    }

    /** The jobs of one user. */
    record JobsOf(String user) implements Scope {
    }
}
