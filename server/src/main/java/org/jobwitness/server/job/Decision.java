package org.jobwitness.server.job;

import java.util.List;
import java.util.Map;

/** What {@link JobLifecycle} makes of a piece of evidence. */
sealed interface Decision {

    /** It was taken in. */
    sealed interface Taken extends Decision {
        /** The run that the evidence speaks of, as it is from now on. */
        Run run();

        /** Other runs of the same job id that are now understood better. */
        List<Change> explained();
    }

    /** Said by hand of a job that nobody knows. */
    record Unknown() implements Decision {
    }

    /**
     * Said by hand, and not to be had.
     *
     * @param why what stands against it, for the one who said it
     */
    record Conflict(String why) implements Decision {
    }

    record Change(Run before, Run after) {
    }

    /** A new run, told by its beginning. */
    record Created(Run run, List<Change> explained) implements Taken {
    }

    /** A new run, told by its end: its prolog never ran, or its event is late or lost. */
    record Accepted(Run run, List<Change> explained) implements Taken {
    }

    /**
     * A run of which more is known now.
     *
     * @param noted what was said that differs from what stays
     */
    record Updated(Run before, Run run, Map<String, Object> noted, List<Change> explained) implements Taken {
    }

    /**
     * Nothing that counts has changed: a repetition, or weaker evidence than is known.
     *
     * @param before what it was; {@code run} may hold more evidence, which does not alter the outcome
     * @param noted what was said that differs from what stays
     */
    record Skipped(Run before, Run run, Map<String, Object> noted) implements Taken {
        @Override
        public List<Change> explained() {
            return List.of();
        }
    }
}
