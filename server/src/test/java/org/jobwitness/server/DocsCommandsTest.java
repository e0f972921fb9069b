package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.testing.TestPostgres;
import org.jobwitness.server.testing.Waiting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the commands of the docs, page by page in one shell, as somebody would who pastes block after block. A block that
 * begins with {@code ```sh} is run and must end with status 0; a {@code text} or {@code json} block right behind it is
 * what it prints, where {@code ...} stands for anything.
 *
 * <p>The shell's folder is a copy of what it needs of the repository. Its {@code dist/bin/jobwitness-server} is the real
 * server from this build, on a free port and a database of its own; the {@link #PLACES} of an installation are folders in the
 * copy. {@code make} and {@code mvn} do not build anything from within a build: they only say whether the target, the module
 * and the test are there. What would change users and services does nothing; {@code e2e/agent} runs those commands for real.
 * A few more commands are {@link #INSTEAD}.
 */
class DocsCommandsTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final List<String> NEEDED = List.of("bash", "curl", "jq", "make");
    private static final int SECONDS = 300;

    /** Where commands of the docs put things, and look for them. */
    private static final List<String> PLACES = List.of("/etc/jobwitness", "/var/spool/jobwitness",
            "/usr/lib/jobwitness", "/usr/local/bin/", "/etc/systemd/system", "/etc/prometheus", "/etc/grafana",
            "/var/lib/grafana");

    /** Commands that do not end by themselves, and what is run in their place. */
    private static final List<Instead> INSTEAD = List.of(
            new Instead("README.md", "make demo", """
                    command -p make demo >demo.log 2>&1 &
                    demo=$!
                    until grep '^Ctrl-C ends the demo' demo.log; do
                        kill -0 $demo || { cat demo.log; exit 1; }
                        sleep 0.1
                    done
                    """),
            new Instead("README.md", "curl -N 'http://127.0.0.1:8080/v1/stream?state=running'", """
                    curl -sN 'http://127.0.0.1:8080/v1/stream?state=running' >stream.log &
                    stream=$!
                    until grep '^event: figures' stream.log; do
                        kill -0 $stream
                        sleep 0.1
                    done
                    kill $stream
                    wait $stream || true
                    """),
            new Instead("README.md", "dist/bin/jobwitness-server", """
                    kill $(tail -n 1 ../pids) && wait $demo || true
                    dist/bin/jobwitness-server >server.log 2>&1 &
                    server=$!
                    curl -fs -o /dev/null --retry 60 --retry-connrefused --retry-delay 1 http://127.0.0.1:8080/v1/ready
                    kill $server
                    wait $server || true
                    ls ~/.local/share/jobwitness/operator.token ~/.local/share/jobwitness/agent.token \\
                        ~/.local/share/jobwitness/scrape.token
                    """));

    private static final String FENCE = "```";
    private static final Pattern BLOCK = Pattern.compile("^```(\\w*)\\n(.*?)^```\\n",
            Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern INDENTED = Pattern.compile("(?:^|\\n)\\n {4}\\S.*");

    @TempDir
    Path folder;

    /** A command of a page, without the comment behind it. */
    private record Instead(String page, String command, String script) {
    }

    /**
     * Commands of a page.
     *
     * @param line where in the page they begin
     * @param output what they print; null if the page does not say
     */
    private record Block(int line, String commands, String output) {
    }

    @BeforeAll
    static void programs() {
        for (String program : NEEDED) {
            assumeThat(Stream.of(System.getenv("PATH").split(":"))
                    .anyMatch(path -> Files.isExecutable(Path.of(path, program))))
                    .as(program + " is not installed").isTrue();
        }
    }

    /** All pages but docs/api.md, which ApiTranscriptTest runs. */
    static List<String> pages() throws IOException {
        List<String> pages = new ArrayList<>(List.of("slurm/README.md"));
        for (String under : List.of("", "docs", "docs/decisions")) {
            try (Stream<Path> files = Files.list(ROOT.resolve(under))) {
                files.map(file -> ROOT.relativize(file).toString()).filter(name -> name.endsWith(".md"))
                        .forEach(pages::add);
            }
        }
        pages.remove("docs/api.md");
        assertThat(pages).contains("README.md", "docs/slurm-integration.md", "docs/development.md");
        return pages.stream().sorted().toList();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void theCommandsOfThePageDoWhatItSays(String page) throws Exception {
        run(page, Files.readString(ROOT.resolve(page)));
    }

    @Test
    void everyCommandThatHasAnInsteadIsOnItsPage() throws IOException {
        for (Instead instead : INSTEAD) {
            assertThat(Files.readString(ROOT.resolve(instead.page())).lines().map(DocsCommandsTest::bare))
                    .contains(instead.command());
        }
    }

    @Test
    void aCommandThatFailsIsCaught() {
        assertCaught("```sh\ntrue\n```\n\nThen\n\n```sh\nfalse\necho on\n```\n", "page.md:7", "status 1");
        assertCaught("```sh\nfalse | cat\n```\n", "page.md:1", "status 1");
        assertCaught("```sh\nmake bild\n```\n", "page.md:1", "bild");
        assertCaught("```sh\nmvn -q -pl server test -Dtest=NoSuchTest\n```\n", "page.md:1", "NoSuchTest");
        assertCaught("```sh\nmvn -q -pl serve test\n```\n", "page.md:1", "serve");
    }

    @Test
    void anotherOutputIsCaught() {
        assertCaught("```sh\necho one\n```\n\n```text\ntwo\n```\n", "page.md:1", "two");
        assertCaught("```sh\necho one; echo two\n```\n\n```text\none\n```\n", "page.md:1", "two");
        assertCaught("```sh\necho one-two\n```\n\n```text\n...-three\n```\n", "page.md:1", "one-two");
    }

    @Test
    void whatLooksLikeCommandsAndWouldNotBeRunIsCaught() {
        assertCaught("Do\n\n    rm -r data\n", "page.md", "rm -r data");
        assertCaught("```bash\ntrue\n```\n", "page.md:1", "bash");
        assertCaught("```\ntrue\n```\n", "page.md:1", "kind");
        assertCaught("```sh\ntrue\n", "page.md", "does not end");
    }

    @Test
    void blocksShareOneShellAndTheirOutputIsHeldAgainstThePage() throws Exception {
        run("page.md", """
                ```sh
                name=x
                cd /
                ```

                ```sh
                echo "$name-$$"
                pwd
                ```

                ```text
                x-...
                /
                ```

                ```ini
                Prolog=/usr/lib/jobwitness/prolog
                ```
                """);
    }

    private void assertCaught(String text, String... said) {
        assertThatThrownBy(() -> run("page.md", text)).isInstanceOf(AssertionError.class)
                .satisfies(error -> assertThat(error.getMessage()).contains(said));
    }

    private void run(String page, String text) throws IOException, InterruptedException {
        List<Block> blocks = blocks(page, text);
        if (blocks.isEmpty()) {
            return;
        }
        Path place = Files.createTempDirectory(folder, "page");
        int port = Waiting.freePort();
        Path work = sandbox(place);
        StringBuilder script = new StringBuilder("set -eo pipefail\n");
        for (int i = 0; i < blocks.size(); i++) {
            Files.writeString(place.resolve("block-" + i), here(replaced(page, blocks.get(i).commands()), place, port));
            script.append("echo %d >%s/at; . %s/block-%d >%s/out-%d 2>&1 </dev/null\n".formatted(i, place, place, i,
                    place, i));
        }
        Files.writeString(place.resolve("script"), script);
        int status = execute(work, place, port);
        int last = Integer.parseInt(Files.readString(place.resolve("at")).strip());
        for (int i = 0; i <= last; i++) {
            Block block = blocks.get(i);
            String output = there(Files.readString(place.resolve("out-" + i)), place, port);
            String what = "%s:%d\n%s--- printed\n%s".formatted(page, block.line(), block.commands(), output);
            assertThat(i == last ? status : 0).as("%s--- and ended with status %d", what, status).isZero();
            if (block.output() != null) {
                assertThat(output).as("%s", what).matches(pattern(block.output()));
            }
        }
        assertThat(last).as("%s: the last block that was run", page).isEqualTo(blocks.size() - 1);
    }

    private static List<Block> blocks(String page, String text) {
        List<Block> blocks = new ArrayList<>();
        Matcher fence = BLOCK.matcher(text);
        StringBuilder prose = new StringBuilder();
        int end = 0;
        boolean afterCommands = false;
        while (fence.find()) {
            String between = text.substring(end, fence.start());
            prose.append(between).append("block\n");
            afterCommands &= between.isBlank();
            int line = 1 + (int) text.substring(0, fence.start()).chars().filter(c -> c == '\n').count();
            switch (fence.group(1)) {
                case "sh" -> blocks.add(new Block(line, fence.group(2), null));
                case "text", "json" -> {
                    if (afterCommands) {
                        Block last = blocks.removeLast();
                        blocks.add(new Block(last.line(), last.commands(), fence.group(2)));
                    }
                }
                case "ini" -> {
                    // What stands in a file.
                }
                default -> throw new AssertionError("%s:%d: a block of a kind that nobody runs: '%s'".formatted(page,
                        line, fence.group(1)));
            }
            afterCommands = fence.group(1).equals("sh");
            end = fence.end();
        }
        prose.append(text.substring(end));
        assertThat(prose).as("%s: a block that does not end", page).doesNotContain("\n" + FENCE)
                .doesNotStartWith(FENCE);
        Matcher indented = INDENTED.matcher(prose);
        assertThat(indented.find() ? indented.group() : "")
                .as("%s: a block that nobody runs, because it is only indented", page).isEmpty();
        return blocks;
    }

    /** The commands, with those that have an {@link Instead} replaced. */
    private static String replaced(String page, String commands) {
        return commands.lines().map(line -> INSTEAD.stream()
                .filter(instead -> instead.page().equals(page) && instead.command().equals(bare(line))).findFirst()
                .map(Instead::script).orElse(line + "\n")).collect(Collectors.joining());
    }

    private static String bare(String line) {
        return line.replaceFirst("\\s+#.*", "").strip();
    }

    /** Moves a page's fixed places here. */
    private static String here(String commands, Path place, int port) {
        String moved = commands.replace("127.0.0.1:8080", "127.0.0.1:" + port);
        for (String fixed : PLACES) {
            moved = moved.replace(fixed, place + fixed);
        }
        return moved;
    }

    /** Moves them back. */
    private static String there(String output, Path place, int port) {
        String moved = output.replace("127.0.0.1:" + port, "127.0.0.1:8080");
        for (String fixed : PLACES) {
            moved = moved.replace(place + fixed, fixed);
        }
        return moved;
    }

    private static String pattern(String output) {
        return Arrays.stream(output.split(Pattern.quote("..."), -1)).map(Pattern::quote)
                .collect(Collectors.joining(".*"));
    }

    private static Path sandbox(Path place) throws IOException, InterruptedException {
        Path work = Files.createDirectories(place.resolve("work"));
        Files.createDirectories(place.resolve("home"));
        Files.createDirectories(place.resolve("work/slurm"));
        for (String made : List.of("usr/lib", "usr/local/bin", "etc/systemd/system")) {
            Files.createDirectories(place.resolve(made));
        }
        Process copy = new ProcessBuilder("bash", "-c", """
                cp -a "$0"/Makefile "$0"/deploy . && cp -a "$0"/slurm/{prolog,epilog,mail,replay,captured} slurm
                """, ROOT.toString()).directory(work.toFile()).inheritIO().start();
        assertThat(copy.waitFor()).isZero();
        for (String token : List.of("agent.token", "operator.token")) {
            Files.writeString(work.resolve(token), "0123456789abcdef\n");
        }
        Files.createDirectories(place.resolve("etc/jobwitness"));
        Files.copy(work.resolve("agent.token"), place.resolve("etc/jobwitness/agent.token"));
        program(work.resolve("dist/bin/jobwitness-server"), """
                echo $$ >>'%s/pids'
                exec '%s/bin/java' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED \\
                    -Djava.util.logging.manager=org.jobwitness.server.LogFormat -cp '%s' %s "$@"
                """.formatted(place, System.getProperty("java.home"), System.getProperty("java.class.path"),
                Server.class.getName()));
        program(work.resolve("dist/agent/bin/jobwitness-agent"),
                "case $1 in check | release-gpus) ;; *) exit 2 ;; esac\n");
        program(work.resolve("dist/cli/bin/jobwitness"), "exit 2\n");
        program(work.resolve("dist/bin/jobwitness"), "exit 2\n");
        for (String privileged : List.of("useradd", "chgrp", "chown", "systemctl")) {
            program(place.resolve("bin").resolve(privileged), "[ $# -gt 0 ]\n");
        }
        program(place.resolve("bin/runuser"), "shift 3\nexec \"$@\"\n");
        program(place.resolve("bin/make"), """
                unset MAKEFLAGS MFLAGS MAKELEVEL
                exec env PATH="${PATH#*:}" make -n -C '%s' "$@" >/dev/null
                """.formatted(ROOT));
        program(place.resolve("bin/mvn"), """
                cd '%s' && goals=
                while [ $# -gt 0 ]; do
                    case $1 in
                    -pl) for module in $(echo "$2" | tr , ' '); do ls "$module/pom.xml" || exit 1; done; shift ;;
                    -Dtest=*)
                        for name in $(echo "${1#*=}" | tr , ' '); do
                            find */src/test/java -name "$name.java" | grep . || { echo "no test $name"; exit 1; }
                        done ;;
                    test | verify | package | spotless:*) goals=$1 ;;
                    -*) ;;
                    *) echo "no goal $1"; exit 1 ;;
                    esac
                    shift
                done >&2
                [ -n "$goals" ] || { echo "no goal" >&2; exit 1; }
                """.formatted(ROOT));
        return work;
    }

    private static void program(Path file, String script) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static int execute(Path work, Path place, int port) throws IOException, InterruptedException {
        DatabaseAddress database = TestPostgres.freshDatabase();
        ProcessBuilder builder = new ProcessBuilder("bash", place.resolve("script").toString())
                .directory(work.toFile()).redirectErrorStream(true)
                .redirectOutput(place.resolve("out").toFile());
        var environment = builder.environment();
        environment.clear();
        environment.put("PATH", place.resolve("bin") + ":" + System.getenv("PATH"));
        environment.put("HOME", place.resolve("home").toString());
        environment.put("HOST", "127.0.0.1");
        environment.put("PORT", Integer.toString(port));
        environment.put("DEMO_PORT", Integer.toString(port));
        environment.put("DATABASE_URL", database.jdbcUrl() + "&user=" + database.user() + "&password="
                + database.password());
        Process shell = builder.start();
        if (shell.waitFor(SECONDS, TimeUnit.SECONDS)) {
            return shell.exitValue();
        }
        shell.destroyForcibly();
        throw new AssertionError("not done after %d s, at block %s".formatted(SECONDS,
                Files.readString(place.resolve("at"))));
    }

    /** Whatever a page that went wrong has left running. */
    @AfterEach
    void leaveNothing() {
        Predicate<ProcessHandle> worksHere = process -> {
            try {
                return Files.readSymbolicLink(Path.of("/proc", Long.toString(process.pid()), "cwd"))
                        .startsWith(folder.toRealPath());
            } catch (IOException e) {
                return false;
            }
        };
        ProcessHandle.allProcesses().filter(worksHere).forEach(ProcessHandle::destroyForcibly);
    }
}
