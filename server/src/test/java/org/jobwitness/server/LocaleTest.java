package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.Http;
import org.jobwitness.server.testing.ServerProcess;
import org.jobwitness.server.testing.TestPostgres;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Language, time zone and charset of the machine change nothing: servers in several of them, on one database, send the same
 * bytes of one job, and store the same of another.
 */
class LocaleTest {
    private static final String ENGLISH = "-Duser.language=en -Duser.country=US -Duser.timezone=UTC";
    private static final List<String> ODD = List.of(
            "-Duser.language=fa -Duser.country=IR -Duser.timezone=Asia/Kathmandu -Dfile.encoding=US-ASCII",
            "-Duser.language=ar -Duser.country=EG -Duser.timezone=Pacific/Chatham -Dfile.encoding=US-ASCII"
                    + " -Dsun.jnu.encoding=US-ASCII -Dstdout.encoding=US-ASCII -Dstderr.encoding=US-ASCII",
            "-Duser.language=tr -Duser.country=TR -Duser.timezone=America/St_Johns -Dfile.encoding=ISO-8859-9");
    private static final List<String> PATHS = List.of("/v1/jobs/%s", "/v1/jobs/%s/verdict", "/v1/jobs/%s/runs",
            "/v1/jobs/%s/series?points=7&format=csv", "/v1/jobs/%s/series?points=7", "/v1/jobs/%s/metrics?limit=9",
            "/v1/jobs?q=I%%C4%%B0-%s", "/v1/jobs?user=j%%C3%%BCrgen-%s&sort=-end_time",
            "/v1/users/j%%C3%%BCrgen-%s/summary?from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z");
    /** A verdict has the time at which it was asked for. */
    private static final Pattern NOW = Pattern
            .compile("^(\\{\"id\":[^{}]*)\"timestamp\":\"[^\"]+\",(?=[^{}]*\"outcome\")");
    private static final int SAMPLES = 60;

    @TempDir
    Path folder;
    private final DatabaseAddress database = TestPostgres.emptyDatabase();
    private final Instant start = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(4000);

    @Test
    void serversInOtherLanguagesAnswerAsOneInEnglishDoes() throws Exception {
        Map<String, String> english;
        String metrics;
        try (ServerProcess server = server(0, ENGLISH)) {
            feed(server.anonymous(), "8000");
            english = answers(server.anonymous(), "8000");
            metrics = names(get(server.anonymous(), "/metrics"));
        }
        assertThat(english.get("/v1/jobs/%s/verdict")).contains("#SBATCH --time=00:20:00");
        for (int odd = 0; odd < ODD.size(); odd++) {
            try (ServerProcess server = server(odd + 1, ODD.get(odd))) {
                Http http = server.anonymous();
                assertThat(answers(http, "8000")).as(ODD.get(odd)).isEqualTo(english);
                assertThat(get(http, "/v1/health")).contains("\"status\":\"healthy\"").matches("\\p{ASCII}+");

                String own = "800" + (odd + 1);
                feed(http, own);
                assertThat(names(get(http, "/metrics"))).as(ODD.get(odd)).isEqualTo(metrics);
                assertThat(withoutRun(answers(http, own), own)).as(ODD.get(odd))
                        .isEqualTo(withoutRun(english, "8000"));
                assertThat(server.err().lines().filter(line -> !line.startsWith("NOTE:")))
                        .allMatch(line -> line.matches("\\p{ASCII}+"));
            }
        }
    }

    private ServerProcess server(int number, String options) throws IOException, InterruptedException {
        Path data = folder.resolve("server-" + number);
        String url = database.jdbcUrl() + "&user=" + database.user() + "&password=" + database.password();
        return ServerProcess
                .run(data, folder, Map.of("JDK_JAVA_OPTIONS", options),
                        List.of("--scheduler-backend=none", "--host=127.0.0.1",
                                "--port=0", "--auth=off", "--jobwitness-data-dir=" + data, "--database-url=" + url))
                .ready();
    }

    /** A job that used a third of its time and memory, with a name and a user that are not ASCII. */
    private void feed(Http http, String job) throws IOException {
        post(http, "/v1/events/job-started", """
                {"job_id": "%s", "user": "jürgen-%s", "uid": 1000, "node_list": ["n-[%s]"], "cpus_per_node": "8",
                 "start_time": "%s", "end_time": "%s", "scheduler": {"name": "Iİ-%s"}}""".formatted(job, job, job,
                start, start.plusSeconds(3600), job));
        for (int i = 1; i <= SAMPLES; i++) {
            post(http, "/v1/batches", """
                    {"version": 1, "node": "n-%s", "boot_id": "b", "sequence": %d, "timestamp": "%s",
                     "interval_ms": 15000, "jobs": [{"job_id": "%s", "start_time": "%s", "cpus": 8, "cpus_used": 1.5,
                     "cpu_usage_usec": %d, "memory_usage_bytes": 1073741824, "memory_peak_bytes": 1610612736,
                     "memory_limit_bytes": 17179869184, "memory_anon_bytes": 1073741824, "memory_file_bytes": 0,
                     "memory_shmem_bytes": 0}]}""".formatted(job, i, start.plusSeconds(15L * i), job, start,
                    22_500_000L * i));
        }
        post(http, "/v1/events/job-finished", """
                {"job_id": "%s", "node": "n-%s", "start_time": "%s", "timestamp": "%s", "final_state": "completed",
                 "exit_code": 0, "signal": 0}""".formatted(job, job, start, start.plusSeconds(905)));
    }

    private static Map<String, String> answers(Http http, String job) throws IOException {
        Map<String, String> answers = new LinkedHashMap<>();
        for (String path : PATHS) {
            answers.put(path, NOW.matcher(get(http, path.formatted(job))).replaceFirst("$1"));
        }
        return answers;
    }

    /** What is the same of two jobs that did the same. */
    private static List<String> withoutRun(Map<String, String> answers, String job) {
        return answers.values().stream()
                .map(text -> text.replace(job, "JOB").replaceAll("\"run\":[0-9]+", "\"run\":0")).toList();
    }

    /** Names and types of the series of nodes and jobs. */
    private static String names(String metrics) {
        assertThat(metrics.codePoints().filter(Character::isDigit)).allMatch(c -> c < 128);
        return metrics.lines().filter(line -> line.startsWith("# TYPE hpc_")).sorted()
                .collect(Collectors.joining("\n"));
    }

    private static String get(Http http, String path) throws IOException {
        HttpResponse<String> response = http.get(path);
        assertThat(response.statusCode()).as("%s: %s", path, response.body()).isEqualTo(200);
        return response.body();
    }

    private static void post(Http http, String path, String json) throws IOException {
        HttpResponse<String> response = http.post(path, json);
        assertThat(response.statusCode()).as("%s: %s", path, response.body()).isEqualTo(200);
    }
}
