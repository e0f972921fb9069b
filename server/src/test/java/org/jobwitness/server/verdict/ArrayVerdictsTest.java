package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.util.Objects;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.ArrayVerdict;
import org.junit.jupiter.api.Test;

/** Arrays of which tasks never had a job of their own. */
class ArrayVerdictsTest {
    @Test
    void tasksThatWereCancelledTogetherBeforeTheirStartAreToBeSubmittedAgain() {
        try (TestDatabase db = new TestDatabase()) {
            Json json = new Json();
            Clock clock = Clock.systemUTC();
            JobTable jobs = new JobTable(db.database, json, clock);
            say(jobs, "started job=701 user=alice nodes=n1 start=10:00:00 array=700 task=1");
            say(jobs, "finished job=701 start=10:00:00 at=10:20:00 exit=0:0 state=completed");
            say(jobs, "started job=702 user=alice nodes=n1 start=10:00:00 array=700 task=4");
            say(jobs, "finished job=702 start=10:00:00 at=10:20:00 exit=1:0");
            say(jobs,
                    "reported job=700 user=alice at=09:00 state=pending raw_state=PENDING array=700 list=2-6,10-14:2%2 tasks=8");
            say(jobs, "reported job=700 at=10:05 end=10:05 state=cancelled reason=cancelled raw_state=CANCELLED");

            ArrayVerdict array = new ArrayVerdicts(db.database, new JobQueries(db.database, json, clock),
                    new Verdicts(new EvidenceReader(db.database, clock), Thresholds.USUAL, SiteNotes.NONE), clock)
                    .of(OPERATOR, "700", null).orElseThrow();

            assertThat(Objects.requireNonNull(array.again()).line()).isEqualTo("#SBATCH --array=2-6,10,12,14");
            assertThat(array.again().tasks()).isEqualTo(8);
            assertThat(array.ends()).extracting(end -> end.state() + " " + end.tasks() + " " + end.list())
                    .contains("cancelled 7 2-3,5-6,10,12,14", "failed 1 4");
            assertThat(array.array().cancelled()).isEqualTo(7);
        }
    }
}
