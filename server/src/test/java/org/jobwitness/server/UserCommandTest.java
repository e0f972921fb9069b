package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipFile;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All that is kept of a user, as a file and erased, beside a server that runs. */
class UserCommandTest {
    private static final String USER = "zz-kim.o'neil+x";
    private static final long UID = 700_123_456L;
    private static final Instant END = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(300);

    @TempDir
    Path folder;
    private TestServer server;

    @BeforeEach
    void start() {
        server = TestServer.startWithAuth();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private void told(String event, String job, String user, long uid, String cluster, String more) {
        Exchange told = server.as(Role.AGENT).post("/v1/events/job-" + event, """
                {"job_id": "%s", "user": "%s", "uid": %d, "cluster": "%s", "node_list": ["n1"], "node": "n1",
                 "cpu_count": 4, "account": "%s", "partition": "batch", "start_time": "%s",
                 "cgroup_path": "/user-%d/%s", "scheduler": {"name": "job of %s", "extra": {"by": "%s"}} %s}"""
                .formatted(job, user, uid, cluster, user.equals(USER) && job.equals("2") ? USER : "physics",
                        END.minusSeconds(600), uid, user, user, user, more));
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    private void ended(String job, String user, long uid, String cluster) {
        told("started", job, user, uid, cluster, "");
        told("finished", job, user, uid, cluster, ", \"end_time\": \"" + END + "\", \"exit_code\": 3");
    }

    private int run(String... args) {
        List<String> all = new ArrayList<>(Arrays.asList(args));
        all.add("--jobwitness-data-dir=" + server.dataDir());
        all.add("--database-url=" + server.address().jdbcUrl() + (server.address().jdbcUrl().contains("?") ? "&" : "?")
                + "user=" + server.address().user() + "&password=" + server.address().password());
        return UserCommand.run(all, Map.of(), folder.resolve(".env"));
    }

    private String text(String sql) throws SQLException {
        try (var connection = server.sql();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return String.valueOf(rows.getString(1));
        }
    }

    /** How many rows have the text in any column, by table. */
    private Map<String, Long> rowsWith(String text) throws SQLException {
        Map<String, Long> found = new TreeMap<>();
        try (var connection = server.sql(); var statement = connection.createStatement()) {
            List<String> tables = new ArrayList<>();
            try (var rows = statement.executeQuery("""
                    select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace
                    and relkind = 'r'""")) {
                while (rows.next()) {
                    tables.add(rows.getString(1));
                }
            }
            assertThat(tables).contains("job", "session", "access_event", "report_owner");
            for (String table : tables) {
                try (var count = connection.prepareStatement(
                        "select count(*) from " + table + " one where strpos(lower(one::text), lower(?)) > 0")) {
                    count.setString(1, text);
                    try (var rows = count.executeQuery()) {
                        rows.next();
                        if (rows.getLong(1) > 0) {
                            found.put(table.replaceFirst("_\\d{4}_\\d{2}$", ""), rows.getLong(1));
                        }
                    }
                }
            }
        }
        return found;
    }

    private void everywhere() throws Exception {
        for (String job : List.of("1", "2", "3")) {
            ended(job, USER, UID, "default");
        }
        ended("7", "other", 5, "default");
        told("started", "8", "other", 5, "default", "");
        assertThat(server.as(Role.OPERATOR).send("DELETE", "/v1/jobs/3", "").status()).isEqualTo(204);
        TestServer.Client user = server.signedIn(USER, UID, null, Duration.ofHours(1));
        assertThat(user.post("/v1/jobs/1/links", "{}").status()).isEqualTo(201);
        assertThat(user.post("/v1/sign-in-codes", "{}").status()).isEqualTo(201);
        assertThat(server.as(Role.OPERATOR).send("PATCH", "/v1/jobs/8", "{\"cpu_usage\": 1}", "Content-Type",
                "application/json", "X-Changed-By", USER).status()).isEqualTo(200);
        try (var connection = server.sql(); var statement = connection.createStatement()) {
            statement.execute("insert into coordinator values ('" + USER.replace("'", "''")
                    + "', 'default', 'physics', now())");
            statement.execute("insert into sign_in_nonce values (" + UID + ", 'n', now() + interval '1 hour')");
            String name = "'" + USER.replace("'", "''") + "'";
            statement.execute("insert into notice (run, rule, user_name, found_at, detail) values (1, 'r', " + name
                    + ", now(), '{}')");
            statement.execute("insert into notice_message (channel, user_name, address, subject, body, created_at,"
                    + " next_try_at) values ('mail', " + name + ", 'a@b', 's', 'b', now(), now() + interval '1 day')");
            statement.execute("insert into notice_refusal values (" + name + ", now())");
            statement.execute("update ended_run set due_at = now()");
            statement.execute("update job set scheduler = scheduler || jsonb_build_object('cancelled_by', '"
                    + USER.replace("'", "''") + "') where job_id = '7'");
        }
        Waiting.until("the reports have the runs", Duration.ofSeconds(60), () -> rowsWithOrNothing(USER),
                () -> rowsWithOrNothing(USER).contains("report_owner"));
        assertThat(rowsWith(USER)).containsKeys("job", "audit", "session", "sign_in_code", "access_event",
                "coordinator",
                "report_owner", "notice", "notice_message", "notice_refusal");
    }

    private String rowsWithOrNothing(String text) {
        try {
            return rowsWith(text).toString();
        } catch (SQLException e) {
            return e.toString();
        }
    }

    @Test
    void afterAnErasureTheUserIsNowhereAndTheHoursStay() throws Exception {
        everywhere();
        String sums = "select sum(runs) || ' ' || sum(cpu_ms) from report_day where node = ''";
        String before = text(sums);
        assertThat(run("erase", USER)).as("without --confirm").isEqualTo(2);
        assertThat(rowsWith(USER)).isNotEmpty();
        assertThat(run("erase", USER, "--confirm")).isZero();
        assertThat(rowsWith(USER)).isEmpty();
        assertThat(rowsWith(Long.toString(UID))).isEmpty();
        assertThat(text(sums)).isEqualTo(before);
        assertThat(text("select count(*) from report_fact join report_owner using (owner_id) where user_name is null"))
                .isNotEqualTo("0");
        assertThat(text("select string_agg(concat_ws(' ', job_id, state, exit_code, account), ', ' order by job_id)"
                + " from job where job_id <> '8'")).isEqualTo("1 failed 3 physics, 2 failed 3, 7 failed 3 physics");
        assertThat(text("select user_name from job where job_id = '7'")).isEqualTo("other");
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs/1/audit").body()).contains("\"state\":\"running\"");
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs/1").status()).isEqualTo(200);
        assertThat(server.as(Role.OPERATOR).get("/v1/jobs?q=physics").json().required("total").asInt()).isEqualTo(3);
        assertThat(text("select string_agg(concat_ws(' ', action, requests), ', ') from access_event"
                + " where action = 'erased'")).isEqualTo("erased 2");
        assertThat(run("erase", USER, "--confirm")).as("once more").isZero();
        assertThat(text(sums)).isEqualTo(before);
    }

    @Test
    void theTrailRefusesEveryOtherChange() throws Exception {
        everywhere();
        assertThat(run("erase", USER, "--confirm")).isZero();
        try (var connection = server.sql(); var statement = connection.createStatement()) {
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> statement.execute("update audit set actor = 'x'"))
                    .hasMessageContaining("append-only");
        }
    }

    @Test
    void runsThatHaveNotEndedAndSeveralPeopleOfANameAreRefused() throws Exception {
        ended("1", USER, UID, "default");
        told("started", "2", USER, UID, "default", "");
        assertThat(run("erase", USER, "--confirm")).isEqualTo(1);
        told("finished", "2", USER, UID, "default", ", \"end_time\": \"" + END + "\"");
        ended("1", USER, UID, "other");
        assertThat(run("erase", USER, "--confirm")).as("two clusters").isEqualTo(2);
        assertThat(run("erase", USER, "--confirm", "--cluster=other")).isZero();
        assertThat(text("select count(*) from job where user_name is null")).isEqualTo("1");
        ended("4", USER, 8, "default");
        assertThat(run("erase", USER, "--confirm")).as("two uids").isEqualTo(2);
        assertThat(run("erase", USER, "--confirm", "--uid=8")).isZero();
        assertThat(text("select string_agg(job_id, ',' order by job_id) from job where user_name is not null"))
                .isEqualTo("1,2");
    }

    @Test
    void anExportHasAllOfTheUserAndNothingOfOthers() throws Exception {
        everywhere();
        Path file = folder.resolve("kim.zip");
        assertThat(run("export", USER, "--output", file.toString())).isZero();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
        assertThat(lines(file, "runs")).hasSize(2).allSatisfy(line -> assertThat(line).contains(USER));
        assertThat(lines(file, "audit").toString()).contains("\"job_id\": \"3\"", "\"action\": \"deleted\"");
        assertThat(lines(file, "sessions")).hasSize(2).noneMatch(line -> line.contains("token_hash"));
        assertThat(lines(file, "access_events")).isNotEmpty();
        assertThat(lines(file, "coordinated")).hasSize(1);
        assertThat(lines(file, "report_days")).isNotEmpty();
        assertThat(lines(file, "runs").toString()).doesNotContain("other");
        assertThat(text("select user_name from access_event where action = 'exported'")).isEqualTo(USER);
        assertThat(run("export", USER, "--output", file.toString())).as("a file is never overwritten").isEqualTo(1);
        assertThat(run("export", "--output", file.toString())).isEqualTo(2);
    }

    private static List<String> lines(Path zip, String name) throws IOException {
        try (ZipFile file = new ZipFile(zip.toFile())) {
            return new String(file.getInputStream(file.getEntry(name + ".jsonl")).readAllBytes(),
                    StandardCharsets.UTF_8).lines().toList();
        }
    }
}
