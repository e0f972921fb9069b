package org.jobwitness.server.access;

import java.util.Set;

/** Which jobs a caller may see. Every query for jobs is limited to one, by {@code query.Visibility}. */
public sealed interface Scope {

    /** All jobs of all users. */
    record Everything() implements Scope {
    }

    /** No jobs: of a request that needs no token, and of programs that only write. */
    record Nothing() implements Scope {
    }

    /**
     * The jobs of one user, and those of the accounts that the user coordinates.
     *
     * @param coordinated empty for most users
     */
    record JobsOf(User user, Set<Account> coordinated) implements Scope {
        public JobsOf {
            coordinated = Set.copyOf(coordinated);
        }
    }

    /** One run of a job, such as one that a link shares. */
    record OneRun(long run) implements Scope {
    }

    /** An account of Slurm's accounting, which another cluster may have by the same name. */
    record Account(String cluster, String name) {
    }
}
