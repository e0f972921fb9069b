package org.jobwitness.server.demo;

import java.time.Instant;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;

/** What a node or the scheduler reports of a run. */
sealed interface SimEvent {

    Instant at();

    SimRun run();

    record Prolog(Instant at, SimRun run, JobStarted event) implements SimEvent {
    }

    record Epilog(Instant at, SimRun run, JobFinished event) implements SimEvent {
    }

    record SchedulerReport(Instant at, SimRun run, Evidence.Reported evidence) implements SimEvent {
    }
}
