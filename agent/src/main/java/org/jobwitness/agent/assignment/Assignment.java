package org.jobwitness.agent.assignment;

import java.util.List;

/** The jobs that hold a GPU. */
public sealed interface Assignment {
    record Free() implements Assignment {
    }

    record Held(String jobId) implements Assignment {
    }

    /** Several jobs hold a share of it: its figures cannot be attributed to one of them. */
    record Shared(List<String> jobIds) implements Assignment {
        public Shared {
            jobIds = List.copyOf(jobIds);
        }
    }

    /** It is partitioned, and each partition is assigned by itself. */
    record Partitioned() implements Assignment {
    }

    /** The sources disagree, or too little is known: the cause, and the jobs that may hold it. */
    record Ambiguous(List<String> jobIds, String cause) implements Assignment {
        public Ambiguous {
            jobIds = List.copyOf(jobIds);
        }
    }
}
