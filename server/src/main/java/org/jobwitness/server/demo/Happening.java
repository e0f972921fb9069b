package org.jobwitness.server.demo;

import java.time.Instant;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.wire.JobFinished;
import org.jobwitness.wire.JobStarted;

/** Something that somebody on the simulated cluster tells the server. */
sealed interface Happening {

    /** When it is told. */
    Instant at();

    /** The run that it is told of. */
    Booking run();

    /** A node's prolog. */
    record Prolog(Instant at, Booking run, JobStarted event) implements Happening {
    }

    /** A node's epilog. */
    record Epilog(Instant at, Booking run, JobFinished event) implements Happening {
    }

    /** The scheduler's word. */
    record SchedulerSays(Instant at, Booking run, Evidence.Reported word) implements Happening {
    }
}
