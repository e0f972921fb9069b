package org.jobwitness.agent.holder;

import java.util.List;

/** Who holds a GPU. */
public sealed interface Holding {
    /** No job does. */
    record Free() implements Holding {
    }

    /** One job does. */
    record Held(String jobId) implements Holding {
    }

    /** Several do, each a share of it: of its figures nobody can tell whose they are. */
    record Shared(List<String> jobIds) implements Holding {
        public Shared {
            jobIds = List.copyOf(jobIds);
        }
    }

    /** It was divided; its parts are held, each for itself. */
    record Parted() implements Holding {
    }

    /** The sources disagree, or too little is known: why, and which jobs it may be. */
    record Unsure(List<String> jobIds, String cause) implements Holding {
        public Unsure {
            jobIds = List.copyOf(jobIds);
        }
    }
}
