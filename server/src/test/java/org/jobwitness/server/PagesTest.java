package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jobwitness.server.testing.Browser;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.LongTests;
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
            "user, /users/gsingh", "account, /accounts/climate", "report, /reports?by=user&from=2026-01-01"})
    void looksRightAtEveryWidthAndInBothThemes(String name, String path) throws IOException {
        for (String look : LOOKS) {
            String[] words = look.split(" ");
            browser.width(Integer.parseInt(words[0]));
            browser.prefer(words[1]);
            open(path);
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

    @Test
    void eachErrorHasItsOwnWords() {
        assertThat(browse(server, "/jobs/987654321")).contains("Not found", "No job 987654321 is recorded",
                "may not see");
        assertThat(browse(server, "/jobs/a%20b")).contains("This address has a mistake");
        assertThat(browse(server, "/jobs?state=sleepy")).contains("must be one of pending, running");
        assertThat(browse(server, "/users/nobody-at-all")).contains("Not found");
        try (TestServer away = TestServer.startWithoutDatabase(); TestServer closed = TestServer.startWithAuth()) {
            assertThat(browse(away, "/jobs/1")).contains("The database is unavailable", "Jobs keep running");
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
        int bytes = server.anonymous().send("GET", "/jobs/1022", "", "Accept-Encoding", "gzip").bytes().length;
        assertThat(bytes).as("compressed").isLessThan(60_000);
    }
}
