package org.jobwitness.server.job;

import java.util.List;
import java.util.Map;

/** What {@link JobLifecycle} makes of a piece of evidence. */
sealed interface Decision {

    /** The run that the evidence speaks of, as it is from now on. */
    Run run();

    /** Other runs of the same job id that are now understood better. */
    List<Change> explained();

    record Change(Run before, Run after) {
    }

    /** A new run, told by its beginning. */
    record Created(Run run, List<Change> explained) implements Decision {
    }

    /** A new run, told by its end: its prolog never ran, or its event is late or lost. */
    record Accepted(Run run, List<Change> explained) implements Decision {
    }

    /**
     * A run of which more is known now.
     *
     * @param noted what was said that differs from what stays
     */
    record Updated(Run before, Run run, Map<String, Object> noted, List<Change> explained) implements Decision {
    }

    /**
     * Nothing that counts has changed: a repetition, or weaker evidence than is known.
     *
     * @param before what it was; {@code run} may hold more evidence, which does not alter the outcome
     * @param noted what was said that differs from what stays
     */
    record Skipped(Run before, Run run, Map<String, Object> noted) implements Decision {
        @Override
        public List<Change> explained() {
            return List.of();
        }
    }
}
