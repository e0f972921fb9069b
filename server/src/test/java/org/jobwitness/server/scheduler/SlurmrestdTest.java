package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.throwable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.server.scheduler.FakeSlurm.FakeJob;
import org.jobwitness.server.scheduler.FakeSlurmrestd.Mood;
import org.jobwitness.server.scheduler.SlurmException.Problem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made of slurmrestd's answers, good ones and bad ones, over TCP and a Unix socket. */
@ParameterizedClass
@ValueSource(strings = {"tcp", "unix"})
class SlurmrestdTest {
    private static final Duration LIMIT = Duration.ofMillis(400);
    private static final Instant T = Instant.parse("2026-11-23T10:00:00Z");

    @Parameter
    String way;
    @TempDir
    Path folder;
    private final FakeSlurm slurm = new FakeSlurm();
    private FakeSlurmrestd fake;
    private Slurmrestd client;

    @BeforeEach
    void open() throws IOException {
        slurm.put(FakeJob.waiting("7", T));
        fake = way.equals("tcp")
                ? FakeSlurmrestd.onPort(slurm, 40, 41, 42)
                : FakeSlurmrestd.onSocket(slurm, folder.resolve("s"), 40, 41, 42);
        client = client(new AuthToken.Fixed("t0ken"), Optional.empty());
    }

    private Slurmrestd client(AuthToken token, Optional<Integer> version) {
        return new Slurmrestd(SlurmAddress.parse(fake.url()), token, Optional.of("slurm"), version, LIMIT);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        fake.close();
    }

    @Test
    void theNewestVersionThatBothSidesKnowIsFoundOnceAndAnewAfterAnUpgrade() throws Exception {
        assertThat(client.list().entries()).extracting(Listing.Entry::name).containsExactly("7");
        assertThat(client.list().cluster()).isEqualTo("rig");
        assertThat(fake.calls("/ping/")).hasSize(4).last().isEqualTo("/slurm/v0.0.42/ping/");
        fake.versions = Set.of(43, 44, 45);
        assertProblem(Problem.OTHER_VERSION, "status 404");
        assertThat(client.list().entries()).hasSize(1);
        assertThat(fake.calls("/slurm/v0.0.45/jobs/state/")).hasSize(1);
    }

    @Test
    void theLightListIsNotAskedForWhereItCallsTasksByTheirArray() throws Exception {
        try (Slurmrestd other = client(new AuthToken.Fixed("t0ken"), Optional.of(40))) {
            assertThat(other.list().entries()).hasSize(1);
        }
        assertThat(fake.calls("/jobs/state/")).isEmpty();
        assertThat(fake.calls("/slurm/v0.0.40/jobs/")).hasSize(1);
    }

    @Test
    void aVersionThatIsAskedForAndNotThereIsSaid() {
        try (Slurmrestd other = client(new AuthToken.Fixed("t0ken"), Optional.of(44))) {
            assertThatThrownBy(other::list).hasMessageContaining("does not know v0.0.44");
        }
    }

    @Test
    void aWrongTokenIsSaidAndANewOneInTheFileIsTaken() throws Exception {
        Path file = Files.writeString(folder.resolve("token"), "SLURM_JWT=old\n");
        try (Slurmrestd other = client(new AuthToken.InFile(file), Optional.empty())) {
            assertThatThrownBy(other::list).asInstanceOf(throwable(SlurmException.class))
                    .returns(Problem.UNAUTHORIZED, SlurmException::problem);
            Files.writeString(file, "t0ken\n");
            assertThat(other.list().entries()).hasSize(1);
            Files.writeString(file, "two words");
            assertThatThrownBy(other::list).hasMessageContaining("does not hold one token");
            Files.delete(file);
            assertThatThrownBy(other::list).hasMessageEndingWith("does not exist");
        }
    }

    @Test
    void whatIsMissingIsSaidToOneWhoIsNotLetIn() {
        try (Slurmrestd other = client(new AuthToken.None(), Optional.empty())) {
            assertThatThrownBy(other::list).hasMessageContaining("requires a token")
                    .hasMessageContaining("-a rest_auth/jwt").asInstanceOf(throwable(SlurmException.class))
                    .returns(Problem.UNAUTHORIZED, SlurmException::problem);
        }
    }

    @Test
    void aJobThatSlurmctldHasNoMoreIsNoError() throws Exception {
        assertThat(client.job("7")).hasSize(1);
        assertThat(client.job("8")).isEmpty();
    }

    @Test
    void whatSlurmdbdIsAskedForIsWhatItUnderstands() throws Exception {
        slurm.books.add(FakeJob.waiting("7", T).runs("n1", T).ended("PENDING+REQUEUED", T.plusSeconds(60), 0, 0));
        assertThat(client.ended(T, T.plusSeconds(61))).hasSize(1);
        assertThat(client.accounted(List.of("7", "8"))).hasSize(1);
        fake.versions = Set.of(39);
        assertProblem(Problem.OTHER_VERSION, "404");
        slurm.books.add(FakeJob.waiting("9", T).runs("n1", T).ended("FAILED", T.plusSeconds(60), 3, 0));
        assertThat(client.ended(T, T.plusSeconds(61))).singleElement().returns(null, SlurmJob::exit);
    }

    @Test
    void beforeTheLightListAnUnchangedListIsNotSentAgain() throws Exception {
        fake.versions = Set.of(39);
        Listing first = client.list();
        assertThat(first.entries()).singleElement().extracting(Listing.Entry::job).isNotNull();
        fake.garbling = _ -> """
                {"jobs": [], "warnings": [{"description": "No job changes since update_time[1]=x"}]}""";
        assertThat(client.list()).isEqualTo(first);
        assertThat(fake.targets.getLast()).endsWith("/slurm/v0.0.39/jobs/?update_time=1800000000");
    }

    @Test
    void whoIsAwayIsAway() throws Exception {
        fake.close();
        assertProblem(Problem.AWAY, "slurmrestd /slurm/");
    }

    /** slurmrestd calls that an unspecified error, after a minute. */
    @ParameterizedTest
    @ValueSource(ints = {41, 42, 45})
    void thatSlurmctldIsAwayIsSaidAndIsNoRefusal(int version) throws Exception {
        fake.versions = Set.of(version);
        client.list();
        slurm.controls = false;
        assertProblem(Problem.AWAY, "slurmctld does not respond (ctl");
        assertThatThrownBy(client::nodes).asInstanceOf(throwable(SlurmException.class))
                .returns(Problem.AWAY, SlurmException::problem).hasMessageContaining("Unspecified error");
        assertThat(client.ended(T, T.plusSeconds(60))).as("slurmdbd is there").isEmpty();
        slurm.controls = true;
        assertThat(client.list().entries()).hasSize(1);
    }

    /** slurmrestd says the same of both. */
    @Test
    void aWrongTokenIsNotTakenForSlurmdbdThatIsAway() throws Exception {
        slurm.keepsBooks = false;
        assertThatThrownBy(() -> client.ended(T, T.plusSeconds(60))).asInstanceOf(throwable(SlurmException.class))
                .returns(Problem.AWAY, SlurmException::problem).hasMessageContaining("Unable to connect to database");
        slurm.controls = false;
        assertThatThrownBy(() -> client.ended(T, T.plusSeconds(60))).asInstanceOf(throwable(SlurmException.class))
                .returns(Problem.AWAY, SlurmException::problem);
        slurm.keepsBooks = true;
        slurm.controls = true;
        fake.token = "another";
        assertThatThrownBy(() -> client.ended(T, T.plusSeconds(60))).asInstanceOf(throwable(SlurmException.class))
                .returns(Problem.UNAUTHORIZED, SlurmException::problem).hasMessageContaining("token is wrong");
    }

    @CsvSource({"MUTE, AWAY", "SLOW, SLOW", "DRIPS, SLOW", "CUT_SHORT, AWAY", "BUSY, BUSY"})
    @ParameterizedTest
    void eachWayToFailIsToldApart(Mood mood, Problem trouble) throws Exception {
        client.list();
        fake.mood = mood;
        assertProblem(trouble, "/jobs/state/");
        fake.mood = Mood.WELL;
        assertThat(client.list().entries()).hasSize(1);
    }

    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `<html>`                                                             | BROKEN  | not JSON
            `[]`                                                                 | BROKEN  | not a JSON object
            `{"jobs": [{"job_id": "7"`                                           | BROKEN  | not JSON
            `{"jobs": [], "errors": [{"error_number": 1007, "error": "Protocol authentication error"}]}` | UNAUTHORIZED | Protocol
            `{"jobs": [], "errors": [{"error": "Unable to contact slurm controller"}]}`                  | REFUSED | Unable to contact
            """)
    @ParameterizedTest
    void anAnswerThatIsNoneIsNotTakenForAnEmptyList(String body, Problem trouble, String message) throws Exception {
        client.list();
        fake.garbling = _ -> body;
        assertProblem(trouble, message);
    }

    @Test
    void whatCannotBeUnderstoodIsCountedAndTheRestIsRead() throws Exception {
        client.list();
        fake.garbling = _ -> """
                {"jobs": [{"state": ["RUNNING"]}, 5, {"job_id": 8, "state": "RUNNING"}], "next": {"a": [1]}}""";
        Listing listing = client.list();
        assertThat(listing.unreadable()).isEqualTo(2);
        assertThat(listing.entries()).extracting(Listing.Entry::name).containsExactly("8");
    }

    @Test
    void aNameThatIsNotUtf8DoesNotSpoilTheList() throws Exception {
        slurm.put(FakeJob.waiting("8", T).named("caf\u00e9 \u0001"));
        assertThat(client.job("8")).singleElement().extracting(SlurmJob::name).isEqualTo("caf\ufffd \u0001");
    }

    private void assertProblem(Problem trouble, String message) {
        assertThatThrownBy(client::list).asInstanceOf(throwable(SlurmException.class))
                .returns(trouble, SlurmException::problem).hasMessageContaining(message);
    }
}
