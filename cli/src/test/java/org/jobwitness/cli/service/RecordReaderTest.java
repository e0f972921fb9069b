package org.jobwitness.cli.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.wire.Health;
import org.jobwitness.wire.Job;
import org.jobwitness.wire.JobPage;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.NodePage;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.SeriesPage;
import org.jobwitness.wire.Verdict;
import org.junit.jupiter.api.Test;

class RecordReaderTest {
    private static final Path RESPONSES = Path.of("src/test/resources/responses");

    private final RecordReader json = new RecordReader();

    /** Of some of the kinds of fields that there are. */
    record Thing(String name, int count, double share, List<String> words, Map<String, Long> sums, Instant at,
            JobState state) {
    }

    private static final String THING = """
            {"name": "x", "count": 3, "share": 1, "words": ["a", "b"], "sums": {"n": 9000000000},
             "at": "2026-11-22T21:34:10.5Z", "state": "failed"}""";

    @Test
    void whatTheServiceAnswersIsRead() throws IOException, Problem {
        Job job = json.read(Files.readString(RESPONSES.resolve("v1-jobs-1018.json")), Job.class);
        SeriesPage series = json.read(Files.readString(RESPONSES.resolve("v1-jobs-1022-series.json")),
                SeriesPage.class);
        Verdict verdict = json.read(Files.readString(RESPONSES.resolve("v1-jobs-1018-verdict.json")), Verdict.class);

        assertThat(job.reason()).isEqualTo(Reason.OUT_OF_MEMORY);
        assertThat(job.startTime()).isBefore(job.endTime());
        assertThat(job.scheduler().name()).isEqualTo("star-index");
        assertThat(job.oomKillEvents()).hasSize(1);
        assertThat(series.series()).hasSize(10).allSatisfy(one -> assertThat(one.mean()).hasSameSizeAs(one.times()));
        assertThat(verdict.next().lines()).containsExactly("#SBATCH --mem=96G");
        assertThat(json.read(Files.readString(RESPONSES.resolve("v1-jobs.json")), JobPage.class).jobs()).hasSize(12);
        assertThat(json.read(Files.readString(RESPONSES.resolve("v1-nodes.json")), NodePage.class).nodes()).hasSize(16);
        assertThat(json.read(Files.readString(RESPONSES.resolve("v1-health.json")), Health.class).checks())
                .containsEntry("database", "ok");
    }

    @Test
    void everyFieldComesToItsPlace() throws Problem {
        assertThat(json.read(THING, Thing.class)).isEqualTo(new Thing("x", 3, 1.0, List.of("a", "b"),
                Map.of("n", 9_000_000_000L), Instant.parse("2026-11-22T21:34:10.5Z"), JobState.FAILED));
    }

    @Test
    void whatIsNotKnownHereIsPassedOver() throws Problem {
        String more = THING.replaceFirst("\\{", "{\"new\": {\"deep\": [1, {\"count\": 7}]}, ");

        assertThat(json.read(more, Thing.class).count()).isEqualTo(3);
    }

    @Test
    void aValueThatIsNotWhatItShouldBeNeverBecomesAFigure() {
        refused("\"count\": 3", "\"count\": \"3\"", "Thing.count");
        refused("\"count\": 3", "\"count\": 3.5", "Thing.count");
        refused("\"count\": 3", "\"count\": 99999999999", "not JSON");
        refused("\"count\": 3", "\"count\": null", "Thing.count is missing");
        refused("\"count\": 3, ", "", "Thing.count is missing");
        refused("\"share\": 1", "\"share\": \"NaN\"", "Thing.share");
        refused("\"name\": \"x\"", "\"name\": [\"x\"]", "Thing.name");
        refused("\"failed\"", "\"melted\"", "melted");
        refused("10.5Z", "10.5", "Thing.at");
        refused("\"count\": 3", "\"count\": 3, \"count\": 4", "not JSON");
        refused("\"failed\"}", "\"failed\"} 1", "more behind");
    }

    private void refused(String good, String bad, String why) {
        assertThat(THING).contains(good);
        assertThatThrownBy(() -> json.read(THING.replace(good, bad), Thing.class)).isInstanceOf(Problem.class)
                .hasMessageContaining(why);
    }

    @Test
    void jsonIsShownAsItIsButForWhatATerminalWouldObey() {
        assertThat(new Response(200, "{\"name\":\"a\u009b31m\u202e\u007f ü日\"}", null, null).json())
                .isEqualTo("{\"name\":\"a\\u009b31m\\u202e\\u007f ü日\"}\n");
        assertThat(new Response(200, "{\"name\":\"\u001b[2J\"}", null, null).json()).doesNotContain("\u001b");
    }
}
