package org.jobwitness.agent.assignment;

import java.util.List;

/** Who holds a GPU. */
public sealed interface Assignment {
    /** No job does. */
    record Free() implements Assignment {
    }

    /** One job does. */
    record Held(String jobId) implements Assignment {
    }

    /** Several do, each a share of it: of its figures nobody can tell whose they are. */
    record Shared(List<String> jobIds) implements Assignment {
        public Shared {
            jobIds = List.copyOf(jobIds);
        }
    }

    /** It was divided; its parts are held, each for itself. */
    record Parted() implements Assignment {
    }

    /** The sources disagree, or too little is known: why, and which jobs it may be. */
    record Unsure(List<String> jobIds, String cause) implements Assignment {
        public Unsure {
            jobIds = List.copyOf(jobIds);
        }
    }
}
