package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpStatus;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * Runs the curl commands of docs/api.md and api/gpus.md, in their order, against the real server, and holds the answers that stand there
 * against what it says; a line {@code ...} there stands for any lines. With {@code -Dupdate.docs=true} it writes answers
 * that differ anew instead, and whole.
 */
class ApiTranscriptTest {
    private static final List<Path> PAGES = List.of(Path.of("..", "docs", "api.md"),
            Path.of("src", "test", "resources", "api", "gpus.md"));
    private static final Pattern EXAMPLE = Pattern
            .compile("```sh\n(curl .*?)\n```\n\n```(json|http)\n(.*?)```\n", Pattern.DOTALL);
    private static final Pattern WORD = Pattern.compile("(?:'([^']*)'|\"([^\"]*)\"|([^\\s'\"\\\\]+))|\\\\\n|\\s+");
    private static final List<String> HEADERS_SHOWN = List.of("Content-Type", "Allow", "Retry-After",
            "WWW-Authenticate", "X-Correlation-Id");
    /** What differs from one time to the next, and what stands for it on the page. */
    private static final Map<Pattern, String> STAND_INS = Map.of(
            Pattern.compile("(?<!GPU-)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            Pattern.compile("(\"(?:at|timestamp)\": )\"[^\"]+\""), "$1\"2026-11-23T01:00:01.234567Z\"",
            Pattern.compile("(\"version\": )\"[^\"]+\""), "$1\"1.0.0\"",
            Pattern.compile(
                    "(\"(?:start_time|end_time|last_sample_at|first_used_at|last_used_at|idle_since)\": )\"[^\"]+\\.[^\"]+\""),
            "$1\"2026-11-23T01:00:01.234567Z\"",
            Pattern.compile("(\"runtime_seconds\": )[0-9.]{1,5}(?=,)"), "$10.25",
            Pattern.compile("(\"runtime_seconds\": )36[0-9]{2}\\.[0-9]+"), "$13600.25");
    /** How the page feeds curl more than a line. */
    private static final Pattern HERE = Pattern.compile("<<END\n(.*)\nEND", Pattern.DOTALL);
    /** The moment that the page calls $NOW. Its fraction of a second tells it from the times that are written out there. */
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusMillis(766);

    @Test
    void theAnswersOnThePagesAreTheServers() throws IOException {
        int commands = 0;
        try (TestServer server = TestServer.startWithAuth()) {
            for (Path page : PAGES) {
                commands += assertAnswers(page, server);
            }
        }
        assertThat(commands).as("examples that were run").isGreaterThan(10);
    }

    /** @return how many examples the page has */
    private static int assertAnswers(Path path, TestServer server) throws IOException {
        String page = Files.readString(path);
        List<String> commands = new ArrayList<>();
        String written = EXAMPLE.matcher(page).replaceAll(example -> {
            commands.add(example.group(1));
            String answer = shown(run(server, example.group(1)), example.group(2));
            String onPage = example.group(3).strip();
            return Matcher.quoteReplacement("```sh\n" + example.group(1) + "\n```\n\n```" + example.group(2)
                    + "\n" + (fits(answer, onPage) ? onPage : answer) + "\n```\n");
        });
        assertThat(commands).as("examples of %s that were run", path)
                .hasSize(page.split("\ncurl ", -1).length - 1);
        if (Boolean.getBoolean("update.docs")) {
            Files.writeString(path, written);
        }
        assertThat(Files.readString(path)).as("%s; -Dupdate.docs=true writes it anew", path).isEqualTo(written);
        return commands.size();
    }

    /** Whether these are the answer's lines, where {@code ...} stands for any. */
    private static boolean fits(String answer, String shortened) {
        String lines = shortened.lines()
                .map(line -> line.strip().equals("...") ? "(?:.*\n)*?" : Pattern.quote(line + "\n"))
                .collect(Collectors.joining());
        return (answer + "\n").matches(lines);
    }

    /** Does what curl would do. */
    private static Exchange run(TestServer server, String command) {
        String filled = command.replace("$AGENT_TOKEN", server.as(Role.AGENT).token().orElseThrow())
                .replace("$OPERATOR_TOKEN", server.as(Role.OPERATOR).token().orElseThrow())
                .replace("$STARTED", NOW.minus(Duration.ofHours(1)).toString()).replace("$NOW", NOW.toString());
        String fed = HERE.matcher(filled).results().map(here -> here.group(1)).findFirst().orElse("");
        List<String> words = words(HERE.matcher(filled).replaceFirst(""));
        String target = "";
        String body = "";
        String method = "";
        List<String> headers = new ArrayList<>();
        for (int i = 1; i < words.size(); i++) {
            switch (words.get(i)) {
                case "-sS", "-i" -> {
                    // How curl shows the answer; nothing for the server.
                }
                case "-H" -> headers.addAll(List.of(words.get(++i).split(": ", 2)));
                case "-d" -> body = words.get(++i).equals("@-") ? fed : words.get(i);
                case "-X" -> method = words.get(++i);
                default -> {
                    assertThat(words.get(i)).as("an option that this test does not know").startsWith("$API/");
                    target = words.get(i).substring("$API".length());
                }
            }
        }
        if (!body.isEmpty() && !headers.contains("Content-Type")) {
            headers.addAll(List.of("Content-Type", "application/x-www-form-urlencoded"));
        }
        String byDefault = body.isEmpty() ? "GET" : "POST";
        return server.anonymous().send(method.isEmpty() ? byDefault : method, target, body,
                headers.toArray(String[]::new));
    }

    private static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(command);
        while (word.lookingAt()) {
            for (int group = 1; group <= word.groupCount(); group++) {
                if (word.group(group) != null) {
                    words.add(word.group(group));
                }
            }
            word.region(word.end(), command.length());
        }
        assertThat(word.hitEnd()).as("all of %s was understood", command).isTrue();
        return words;
    }

    private static String shown(Exchange exchange, String as) {
        boolean empty = exchange.bytes().length == 0;
        assertThat(as).as("%s", exchange).isEqualTo(exchange.status() < 400 && !empty ? "json" : "http");
        String text = empty ? "" : pretty(exchange.json(), "");
        if (as.equals("http")) {
            text = "HTTP/1.1 " + exchange.status() + " " + HttpStatus.getMessage(exchange.status()) + "\n"
                    + HEADERS_SHOWN.stream().filter(name -> exchange.header(name).isPresent())
                            .map(name -> name + ": " + exchange.header(name).orElseThrow() + "\n")
                            .collect(Collectors.joining())
                    + (empty ? "" : "\n" + text);
            text = text.strip();
        }
        for (Map.Entry<Pattern, String> standIn : STAND_INS.entrySet()) {
            text = standIn.getKey().matcher(text).replaceAll(standIn.getValue());
        }
        return text;
    }

    /** A field a line; lists of plain values in one line. */
    private static String pretty(JsonNode node, String indent) {
        String inner = indent + "  ";
        if (node.isObject() && !node.isEmpty()) {
            return node.properties().stream()
                    .map(field -> inner + "\"" + field.getKey() + "\": " + pretty(field.getValue(), inner))
                    .collect(Collectors.joining(",\n", "{\n", "\n" + indent + "}"));
        }
        if (node.isArray() && node.valueStream().anyMatch(JsonNode::isContainer)) {
            return node.valueStream().map(value -> inner + pretty(value, inner))
                    .collect(Collectors.joining(",\n", "[\n", "\n" + indent + "]"));
        }
        if (node.isArray()) {
            return node.valueStream().map(JsonNode::toString).collect(Collectors.joining(", ", "[", "]"));
        }
        return node.toString();
    }
}
