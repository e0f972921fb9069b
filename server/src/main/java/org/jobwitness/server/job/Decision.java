package org.jobwitness.server.job;

import java.util.List;
import java.util.Map;

/** What {@link JobLifecycle} decides about a piece of evidence. */
sealed interface Decision {

    /** The evidence is accepted. */
    sealed interface Taken extends Decision {
        /** The run that the evidence is about, with the evidence in it. */
        Run run();

        /** Changes of other runs of the same job id that follow from it. */
        List<Change> others();
    }

    /** A manual change of a job that is unknown. */
    record Unknown() implements Decision {
    }

    /**
     * A manual change that is refused.
     *
     * @param cause for the caller
     */
    record Conflict(String cause) implements Decision {
    }

    record Change(Run before, Run after) {
    }

    /** A new run, reported by its start. */
    record Created(Run run, List<Change> others) implements Taken {
    }

    /** A new run, reported by its end: its prolog never ran, or that event is late or lost. */
    record Accepted(Run run, List<Change> others) implements Taken {
    }

    /**
     * More is known of a run.
     *
     * @param noted incoming values that differ from the stored ones, which stay
     */
    record Updated(Run before, Run run, Map<String, Object> noted, List<Change> others) implements Taken {
    }

    /**
     * Nothing that counts has changed: a repetition, or evidence weaker than what is known.
     *
     * @param run may hold more evidence than {@code before}, which does not alter the outcome
     * @param noted incoming values that differ from the stored ones, which stay
     */
    record Skipped(Run before, Run run, Map<String, Object> noted) implements Taken {
        @Override
        public List<Change> others() {
            return List.of();
        }
    }
}
