package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jobwitness.server.testing.TestDatabase.OPERATOR;
import static org.jobwitness.server.testing.TestDatabase.say;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.Words;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeReading.State;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.testing.TestDatabase;
import org.jobwitness.wire.Verdict;
import org.junit.jupiter.api.Test;

/** What monitoring finds of jobs is what their verdicts find. */
class JobFindingsTest {
    private static final Instant NOW = Words.time("12:00:00");

    @Test
    void whatHappenedToANodeIsFoundByBoth() {
        try (TestDatabase db = new TestDatabase()) {
            Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
            JobTable jobs = new JobTable(db.database, new Json(), clock);
            String of = " cluster=c1 user=alice ";
            say(jobs, "started job=1" + of + "nodes=n1,n2 start=10:00:00");
            say(jobs, "started job=2" + of + "nodes=n2 start=11:40:00");
            say(jobs, "started job=3" + of + "nodes=n3 start=10:00:00");
            say(jobs, "started job=4" + of + "nodes=n2 start=10:00:00");
            say(jobs, "finished job=4" + of + "start=10:00:00 at=11:58:00 exit=1:0 node=n2");
            say(jobs, "started job=5" + of + "nodes=n4 start=10:00:00");
            new NodeTable(db.database, new Json()).store(List.of(reading("n2", State.DOWN, "11:30:00"),
                    reading("n3", State.DRAINING, "11:00:00")));
            EvidenceReader reader = new EvidenceReader(db.database, clock);
            JobFindings findings = new JobFindings(reader, Thresholds.USUAL);
            Map<String, List<Verdict.Finding>> found = new TreeMap<>();
            db.database.snapshot("test", handle -> {
                findings.each(handle, NOW, job -> found.put(job.jobId(), job.findings()));
                return true;
            });
            assertThat(found.keySet()).containsExactly("1", "2", "3", "4", "5");
            found.forEach((id, ofJob) -> assertThat(ofJob).as(id).isEqualTo(VerdictRules
                    .judge(reader.read(OPERATOR, id, "c1", null).orElseThrow(), Thresholds.USUAL, SiteNotes.NONE)
                    .findings()));
            assertThat(found.get("1")).singleElement().extracting(Verdict.Finding::sentence)
                    .isEqualTo("Slurm took node n2 out of service at 2026-03-02T11:30:00Z (“disk”).");
            assertThat(found.get("3")).singleElement().extracting(finding -> finding.severity().toString())
                    .isEqualTo("info");
            assertThat(found.get("2")).isEmpty();
            assertThat(found.get("4")).as("that is its cause").isEmpty();
            assertThat(found.get("5")).isEmpty();
        }
    }

    private static NodeReading reading(String node, State state, String since) {
        return NodeReading.builder("c1", node, NOW).state(state, "disk").since(null, Words.time(since)).build();
    }
}
