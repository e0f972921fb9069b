package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Browser;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.LongTests;
import org.jobwitness.server.testing.PrefixProxy;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages in a real browser, with the demo's jobs. Pictures of them are left in target/pages, to be looked at. */
@Timeout(600)
class PagesTest {
    private static final Path PICTURES = Path.of("target/pages");
    /** Width and theme: each theme, and the narrowest and the widest; the others in {@code make verify-all}. */
    private static final List<String> LOOKS = LongTests.areWanted()
            ? List.of("360 dark", "768 light", "1600 dark", "1600 light")
            : List.of("360 dark", "1600 light");
    private static final String HOSTILE = "<script>alert(1)</script>\\\"'&lt;";

    private static TestServer server;
    private static Browser browser;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        Browser.assumeInstalled();
        server = TestServer.start("--seed-demo=true");
        PageStates.add(server);
        browser = Browser.start();
        Files.createDirectories(PICTURES);
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.close();
            server.close();
        }
    }

    @BeforeEach
    void usual() {
        browser.forget();
        browser.width(1600);
        browser.prefer("light");
    }

    private static void open(String path) {
        browser.open("http://127.0.0.1:" + server.port() + path);
    }

    /** Nothing was complained of, no other host was asked, and nothing hangs out of the page. */
    private static void assertIsFine() throws IOException {
        assertThat(browser.seriousProblems()).isEmpty();
        assertThat(browser.complaints()).isEmpty();
        assertThat(browser.requests()).allSatisfy(address -> assertThat(address)
                .matches("(http://127.0.0.1:" + server.port() + "/|data:|about:).*"));
        assertThat(browser.run("document.documentElement.scrollWidth - innerWidth").asInt()).isNotPositive();
    }

    @ParameterizedTest
    @CsvSource({"home, /", "jobs, /jobs", "oom, /jobs/1018", "idle-gpus, /jobs/1022", "requeued, /jobs/1063",
            "array, /jobs/1050", "shared-gpu, /jobs/1099", "node-failure, /jobs/1079", "node, /nodes/g01",
            "user, /users/gsingh", "account, /accounts/climate", "report, /reports?by=user&from=2026-01-01",
            "talk, /reports/talk",
            "whole-array, /arrays/1050", "gap, /jobs/" + PageStates.GAP, "suspended, /jobs/" + PageStates.SUSPENDED,
            "unsure-gpu, /jobs/" + PageStates.UNSURE_GPU, "ten-seconds, /jobs/" + PageStates.TEN_SECONDS,
            "month, /jobs/" + PageStates.MONTH, "wide, /jobs/" + PageStates.WIDE,
            "no-samples, /jobs/" + PageStates.NO_SAMPLES, "pending, /jobs/{pending}"})
    void looksRightAtEveryWidthAndInBothThemes(String name, String path) throws IOException {
        String address = path.replace("{pending}",
                server.get("/v1/jobs?state=pending&limit=1").json().at("/jobs/0/id").asString());
        for (String look : LOOKS) {
            String[] words = look.split(" ");
            browser.width(Integer.parseInt(words[0]));
            browser.prefer(words[1]);
            open(address);
            assertThat(browser.text("h1")).isNotBlank();
            assertThat(browser.run("getComputedStyle(document.body).backgroundColor").asString())
                    .isEqualTo(words[1].equals("dark") ? "rgb(16, 19, 24)" : "rgb(245, 246, 248)");
            browser.await("charts that are in view are drawn",
                    "[...document.querySelectorAll('figure[data-series]')].filter(one => one.getBoundingClientRect().top"
                            + " < innerHeight).every(one => one.dataset.points)");
            assertIsFine();
            Files.write(PICTURES.resolve(name + "-" + look.replace(' ', '-') + ".png"), browser.screenshot());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void everyShadeOfUseCarriesItsText(String theme) throws IOException {
        browser.prefer(theme);
        open("/");
        browser.run("document.querySelector('.map').replaceChildren(...[...Array(11).keys()].map(step => {"
                + "const cell = document.createElement('span');"
                + "cell.className = 'cell u' + step; cell.textContent = 'c' + step; return cell; }))");
        assertThat(browser.run("document.querySelectorAll('.map .cell').length").asInt()).isEqualTo(11);
        assertIsFine();
    }

    @Test
    void theVerdictIsFirstAndTheKillIsMarked() {
        open("/jobs/1018");
        assertThat(browser.text("main").lines().filter(line -> !line.isBlank()).limit(2)).last().asString()
                .startsWith("Job 1018 ran out of memory on c10");
        assertThat(browser.text("#use")).contains("64 GiB", "100 %", "of its time was measured");
        assertThat(browser.text("#lines")).isEqualTo("#SBATCH --mem=96G");
        assertThat(browser.text(".moments .oom")).contains("out of memory on c10: 1 kill at a limit of 64 GiB");
        assertThat(browser.run("document.querySelector('#chart-memory').dataset.marks.split(' ').length").asInt())
                .isOne();
        assertThat(browser.text("time")).as("the reader's zone").matches("[0-9]+ [A-Z][a-z]+ [0-9:]{8}");
        assertThat(browser.run("document.querySelector('time').title").asString()).endsWith("UTC");
    }

    @Test
    void whatHappenedStandsOnOneAxisOfTime() {
        open("/jobs/" + PageStates.SUSPENDED);
        assertThat(browser.text("h1")).contains("is suspended");
        assertThat(browser.text(".moments")).containsSubsequence("started on s2", "suspended", "resumed",
                "memory limit changed from 4 GiB to 8 GiB", "suspended").doesNotContain(" ended");
        assertThat(browser.run("document.querySelectorAll('.strip .suspended').length").asInt()).isEqualTo(2);
        assertThat(browser.run("document.querySelectorAll('.strip .limit-change').length").asInt()).isOne();
    }

    @Test
    void whatIsNotKnownSaysWhy() {
        assertThat(server.get("/jobs/" + PageStates.GAP).body()).contains("class=\"gap\"")
                .containsPattern("6[0-9.]+ % of its time was measured");
        open("/jobs/" + PageStates.UNSURE_GPU);
        assertThat(browser.text("#gpus")).contains("not known whether this job has it: two jobs were given it");
        open("/jobs/" + PageStates.NO_SAMPLES);
        assertThat(browser.text("#charts")).contains("no agent reported this run");
        assertThat(browser.text("#use")).contains("Nothing was measured");
        open("/jobs/" + PageStates.TEN_SECONDS);
        assertThat(browser.text("#use")).contains("10 s");
    }

    @Test
    void ofManyNodesTheWorstAreDrawn() {
        open("/jobs/" + PageStates.WIDE);
        assertThat(browser.text("#charts")).contains("The 4 of its 64 nodes that most need a look");
        assertThat(browser.text("#chart-memory .legend")).startsWith("w07");
        assertThat(browser.text("#nodes tbody tr:nth-child(1)")).startsWith("w07");
        assertThat(browser.text("#nodes tbody tr:nth-child(2)")).startsWith("w11").contains("0 %");
        assertThat(browser.text("#nodes")).contains("56 more nodes");
        assertThat(browser.text("#gpus tbody tr")).startsWith("w11").contains("never used");
        assertThat(browser.text("#gpus")).contains("240 more GPUs");
        assertThat(bytes("/jobs/" + PageStates.WIDE)).isLessThan(100_000);
    }

    @Test
    void anArrayIsShownAsAWhole() {
        open("/jobs");
        browser.press("/");
        browser.type("1050");
        browser.press("Enter");
        browser.await("the array is found",
                "location.pathname === '/arrays/1050' && document.readyState === 'complete'");
        assertThat(browser.text("h1")).isEqualTo("Job array 1050: 1 of 8 tasks failed, 7 completed");
        assertThat(browser.text("#again")).isEqualTo("#SBATCH --array=5");
        assertThat(browser.text("#ends")).contains("failed: exit code",
                "1050_5: Job 1055 failed: its script ended with exit code 3");
        assertThat(browser.text("#extremes")).contains("Worst", "1050_5", "Typical");
        browser.run("document.querySelector('#ends .finding a').click()");
        browser.await("its task is shown",
                "location.pathname === '/jobs/1050_5' && document.readyState === 'complete'");
        browser.run("document.querySelector('.who a[href*=arrays]').click()");
        browser.await("its array is shown", "location.pathname === '/arrays/1050'");
        assertThat(server.get("/jobs?q=docking").body()).contains("array, 8 tasks here").doesNotContain("1050_1");
        assertThat(server.get("/jobs?id=1050").body()).contains("1050_1", "1050_5").doesNotContain("tasks here");
    }

    @Test
    void searchesLeadToThePage() {
        Map<String, String> pages = new LinkedHashMap<>(Map.of("1018", "./jobs/1018", "slurm-1018.out",
                "./jobs/1018.out", "1018.batch", "./jobs/1018.batch", "1050", "./arrays/1050?cluster=demo", "1050_5",
                "./jobs/1050_5", "1050_[5%252]", "./jobs/1050_5", "1050_*", "./arrays/1050?cluster=demo", "g01",
                "./nodes/g01", "gsingh", "./users/gsingh", "climate", "./accounts/climate"));
        pages.put("star-index", "./jobs?q=star-index");
        pages.forEach((asked, page) -> assertThat(server.get("/search?q=" + asked).header("Location")).as(asked)
                .hasValue(page));
    }

    @Test
    void theKeyboardIsEnough() {
        open("/jobs/1018");
        browser.press("/");
        browser.type("1022");
        browser.press("Enter");
        browser.await("the job is found", "location.pathname === '/jobs/1022' && document.readyState === 'complete'");
        browser.await("the chart of memory can be reached",
                "document.querySelector('#chart-memory .canvas').tabIndex === 0");
        browser.run("document.querySelector('#chart-memory').scrollIntoView()");
        browser.await("it is drawn", "!!document.querySelector('#chart-memory').dataset.points");
        for (int tabs = 0; !browser.run("document.activeElement.className === 'canvas'").asBoolean(); tabs++) {
            assertThat(tabs).as("steps to the first chart").isLessThan(60);
            browser.press("Tab");
        }
        browser.press("ArrowRight");
        browser.press("ArrowRight");
        browser.await("the value is read", "/used, with page cache .* GiB/.test("
                + "document.querySelector('#chart-memory .reading')?.textContent)");
        assertThat(browser.run("document.querySelector('#chart-memory .reading').ariaLive").asString())
                .isEqualTo("polite");
    }

    @Test
    void oneZoomIsForAllChartsAndStandsInTheAddress() {
        Instant start = Instant.parse(server.get("/v1/jobs/1022").json().required("start_time").asString());
        Instant from = start.plus(1, ChronoUnit.HOURS);
        open("/jobs/1022?from=" + from + "&to=" + from.plusSeconds(600));
        browser.run("document.querySelector('#chart-memory').scrollIntoView()");
        browser.await("ten minutes are drawn", "Number(document.querySelector('#chart-memory').dataset.points) <= 42"
                + " && Number(document.querySelector('#chart-cpus').dataset.points) <= 42");
        assertThat(browser.text("#zoom")).contains("A part of its time");
        browser.run("document.querySelector('#chart-memory .canvas').focus()");
        browser.press("Escape");
        browser.await("all of it is drawn", "!location.search.includes('from') && Number(document.querySelector("
                + "'#chart-memory').dataset.points) > 100 && !document.querySelector('#zoom a')");
    }

    @Test
    void whatUsersWriteIsText() throws IOException {
        started("770001", HOSTILE);
        started("770002", "\uff37".repeat(256));
        for (String path : List.of("/jobs/770001", "/jobs/770002", "/jobs?user=mallory", "/users/mallory")) {
            browser.width(360);
            open(path);
            assertIsFine();
        }
        open("/jobs/770001");
        assertThat(browser.text(".who b")).isEqualTo("<script>alert(1)</script>\"'&lt;");
    }

    private static void started(String job, String name) {
        Exchange told = server.post("/v1/events/job-started", """
                {"job_id": "%s", "user": "mallory", "node_list": ["n1"], "start_time": "%s",
                 "scheduler": {"name": "%s"}}""".formatted(job, Instant.now().truncatedTo(ChronoUnit.SECONDS), name));
        assertThat(told.status()).as("%s", told).isEqualTo(200);
    }

    @Test
    void aPageFollowsItsJobWithoutAReload() {
        started("770010", "short");
        open("/jobs/770010");
        browser.run("window.sameAsBefore = true");
        browser.await("the stream is open", "document.getElementById('live').textContent.startsWith('Live')");
        assertThat(browser.text("#charts")).contains("Nothing was measured");
        server.post("/v1/events/job-finished", "{\"job_id\": \"770010\", \"exit_code\": 3}");
        browser.await("the end is shown", "document.querySelector('h1').textContent.includes('exit code 3')");
        assertThat(browser.run("window.sameAsBefore").asBoolean()).isTrue();
    }

    @Test
    void isCompleteWithoutScriptsAndUnderAnyPrefix() {
        for (String path : List.of("/", "/jobs", "/jobs/1018", "/jobs/1022", "/nodes/g01", "/users/gsingh")) {
            Exchange page = server.get(path);
            assertThat(page.body()).contains("<h1").doesNotContainPattern("(href|src|action)=\"/")
                    .doesNotContain(" style=", " onclick", "javascript:");
            assertThat(page.header("Content-Security-Policy")).hasValueSatisfying(policy -> assertThat(policy)
                    .startsWith("default-src 'none'; ").doesNotContain("unsafe", "http"));
        }
        assertThat(server.get("/jobs/1018").body()).contains("<svg class=\"curves\"", "class=\"oom\"",
                "class=\"limit c2\"",
                "The same as a table", "role=\"img\" aria-label=\"Memory over time.");
        assertThat(server.get("/jobs/1022").body()).contains("class=\"idle\"", "never used");
    }

    /** Below a path of its own, as by a proxy that serves several programs. */
    @Test
    void worksBehindAProxyWithAPrefix() throws IOException {
        try (PrefixProxy proxy = PrefixProxy.start("/hpc/jobwitness", server.port())) {
            browser.open(proxy.address() + "/jobs/1018");
            browser.forget(); // The page before may have asked for its stream again.
            browser.open(proxy.address() + "/jobs/1018");
            browser.await("charts are drawn", "!!document.querySelector('#chart-memory').dataset.points");
            browser.press("/");
            browser.type("gsingh");
            browser.press("Enter");
            browser.await("the user is found", "location.pathname === '/hpc/jobwitness/users/gsingh'"
                    + " && document.readyState === 'complete'");
            browser.await("the stream is open", "document.getElementById('live').textContent.startsWith('Live')");
            browser.run("document.querySelector('#failed a').click()");
            browser.await("a job is shown", "location.pathname.startsWith('/hpc/jobwitness/jobs/10')"
                    + " && document.readyState === 'complete'");
            assertThat(browser.requests()).isNotEmpty().allMatch(address -> address.startsWith(proxy.address() + "/")
                    || address.startsWith("data:"));
            assertThat(browser.complaints()).isEmpty();
            open("/jobs"); // Nothing is to be asked of the proxy any more.
        }
    }

    @Test
    void readsWellOnPaperAndWithoutScripts() throws IOException {
        browser.scripts(false);
        try {
            open("/jobs/1018");
            Files.write(PICTURES.resolve("oom-without-scripts.png"), browser.screenshot());
        } finally {
            browser.scripts(true);
        }
        open("/jobs/1018");
        browser.call("Emulation.setEmulatedMedia", Map.of("media", "print"));
        assertThat(browser.run("getComputedStyle(document.querySelector('nav')).display").asString()).isEqualTo("none");
        Files.write(PICTURES.resolve("oom-printed.png"), browser.screenshot());
        browser.call("Emulation.setEmulatedMedia", Map.of("media", ""));
    }

    /** The map of a large cluster is one stop of the Tab key, and arrows read its nodes. */
    @Test
    void aClusterOfTenThousandNodesStaysUsable() throws IOException, SQLException {
        try (TestServer large = TestServer.start()) {
            PageStates.manyNodes(large, 10_000);
            browser.open("http://127.0.0.1:" + large.port() + "/cluster");
            assertThat(browser.run("document.querySelectorAll('.map .cell').length").asInt()).isEqualTo(10_000);
            assertThat(browser.run("document.querySelectorAll('.map .cell:not([tabindex=\"-1\"])').length").asInt())
                    .isOne();
            browser.run("document.querySelector('.map .cell').focus()");
            browser.press("ArrowRight");
            browser.press("ArrowDown");
            assertThat(browser.run("document.activeElement.title").asString()).matches("n00[0-9]{3}: CPUs .*");
            assertThat(browser.text("#node-reading")).isEqualTo(browser.run("document.activeElement.title").asString());
            assertThat(large.anonymous().send("GET", "/cluster", "", "Accept-Encoding", "gzip").bytes().length)
                    .isLessThan(200_000);
            assertThat(browser.complaints()).isEmpty();
            assertThat(browser.run("document.documentElement.scrollWidth - innerWidth").asInt()).isNotPositive();
            Files.write(PICTURES.resolve("ten-thousand-nodes.png"), browser.screenshot());
            open("/jobs"); // Nothing is to be asked of that server any more.
        }
    }

    @Test
    void eachErrorHasItsOwnPage() throws IOException {
        try (TestServer away = TestServer.startWithoutDatabase(); TestServer closed = TestServer.startWithAuth()) {
            error("signed-out", closed, "/jobs/1", "Please sign in");
            closed.as(Role.AGENT).post("/v1/events/job-started",
                    "{\"job_id\": \"1\", \"user\": \"eve\", \"node_list\": [\"n1\"]}");
            String token = closed.signedIn("alice", 1001L, null, Duration.ofHours(1)).token().orElseThrow();
            browser.call("Network.setExtraHTTPHeaders", Map.of("headers", Map.of("Authorization", "Bearer " + token)));
            error("foreign", closed, "/jobs/1", "Not found");
            browser.call("Network.setExtraHTTPHeaders", Map.of("headers", Map.of()));
            error("database-away", away, "/jobs/1", "The database is unavailable");
        }
    }

    private static void error(String name, TestServer from, String path, String heading) throws IOException {
        for (String look : LOOKS) {
            String[] words = look.split(" ");
            browser.width(Integer.parseInt(words[0]));
            browser.prefer(words[1]);
            browser.open("http://127.0.0.1:" + from.port() + path);
            assertThat(browser.text("h1")).isEqualTo(heading);
            assertThat(browser.seriousProblems()).isEmpty();
            // The browser itself notes that the page's status is an error.
            assertThat(browser.complaints()).allMatch(complaint -> complaint.contains("Failed to load resource"));
            Files.write(PICTURES.resolve(name + "-" + look.replace(' ', '-') + ".png"), browser.screenshot());
        }
    }

    @Test
    void eachErrorHasItsOwnWords() {
        assertThat(browse(server, "/jobs/987654321")).contains("Not found", "No job 987654321 is recorded",
                "may not see");
        assertThat(browse(server, "/jobs/a%20b")).contains("This address has a mistake");
        assertThat(browse(server, "/jobs?state=sleepy")).contains("must be one of pending, running");
        assertThat(browse(server, "/users/nobody-at-all")).contains("Not found");
        try (TestServer away = TestServer.startWithoutDatabase(); TestServer closed = TestServer.startWithAuth()) {
            assertThat(browse(away, "/jobs/1")).contains("The database is unavailable", "Jobs keep running");
            assertThat(away.anonymous().send("GET", "/jobs/1", "", "Accept", "text/html").header("Refresh"))
                    .as("it loads again by itself").hasValue("10");
            assertThat(browse(closed, "/")).contains("Please sign in");
        }
    }

    private static String browse(TestServer from, String path) {
        Exchange page = from.anonymous().send("GET", path, "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        assertThat(page.header("Content-Type")).hasValue("text/html;charset=utf-8");
        assertThat(page.header("Content-Security-Policy")).isPresent();
        return page.body().replaceAll("<[^>]*>", "");
    }

    @Test
    void thePageOfAJobIsSmall() {
        assertThat(bytes("/jobs/1022")).isLessThan(60_000);
    }

    /** Compressed. */
    private static int bytes(String path) {
        return server.anonymous().send("GET", path, "", "Accept-Encoding", "gzip").bytes().length;
    }
}
