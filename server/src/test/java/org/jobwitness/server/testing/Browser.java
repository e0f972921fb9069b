package org.jobwitness.server.testing;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A real Chromium with one page, driven by its DevTools protocol over a WebSocket. It notes every request and every complaint:
 * errors of scripts, violations of the page's policy, failed loads.
 */
public final class Browser implements AutoCloseable {
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final Process process;
    private final HttpClient client = HttpClient.newHttpClient();
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
    private final AtomicInteger number = new AtomicInteger();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private volatile String session = "";

    private Browser(Path folder, Process process, String address) {
        this.folder = folder;
        this.process = process;
        socket = client.newWebSocketBuilder().buildAsync(URI.create(address), new Messages()).join();
    }

    /** Skips the test where it is missing. */
    public static void assumeInstalled() {
        assumeThat(Files.isExecutable(CHROMIUM))
                .as(CHROMIUM + " is not installed; it is in Debian's package chromium").isTrue();
    }

    /** Starts it, with an empty page. */
    public static Browser start() throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("jobwitness-browser");
        List<String> command = List.of(CHROMIUM.toString(), "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0",
                "--user-data-dir=" + folder.resolve("profile"));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile());
        builder.environment().put("TZ", "Europe/Berlin");
        Process process = builder.start();
        Path port = folder.resolve("profile/DevToolsActivePort");
        Waiting.until("Chromium listens", PATIENCE, () -> read(folder.resolve("log")),
                () -> Files.exists(port) && Files.readAllLines(port).size() > 1);
        List<String> lines = Files.readAllLines(port);
        Browser browser = new Browser(folder, process, "ws://127.0.0.1:" + lines.get(0) + lines.get(1));
        JsonNode target = browser.call("Target.createTarget", Map.of("url", "about:blank"));
        browser.session = browser.call("Target.attachToTarget",
                Map.of("targetId", target.required("targetId").asString(), "flatten", true)).required("sessionId")
                .asString();
        for (String domain : List.of("Page", "Runtime", "Network", "Log")) {
            browser.call(domain + ".enable", Map.of());
        }
        return browser;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Sends a command of the DevTools protocol. @return its result */
    public JsonNode call(String method, Map<String, ?> parameters) {
        int id = number.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        Map<String, Object> message = session.isEmpty()
                ? Map.of("id", id, "method", method, "params", parameters)
                : Map.of("id", id, "method", method, "params", parameters, "sessionId", session);
        socket.sendText(JSON.writeValueAsString(message), true).join();
        try {
            return answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError(method + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Goes to an address and waits until it is loaded. */
    public void open(String address) {
        run("window.jobwitnessLeft = true");
        call("Page.navigate", Map.of("url", address));
        await("the page is loaded: " + address,
                "!window.jobwitnessLeft && location.href !== 'about:blank' && document.readyState === 'complete'");
    }

    /** Evaluates an expression; a promise is waited for. */
    public JsonNode run(String script) {
        JsonNode result = call("Runtime.evaluate",
                Map.of("expression", script, "returnByValue", true, "awaitPromise", true, "userGesture", true));
        if (result.has("exceptionDetails")) {
            throw new AssertionError(script + ": " + result.required("exceptionDetails"));
        }
        return result.required("result").path("value");
    }

    public String text(String selector) {
        return run("document.querySelector(" + JSON.writeValueAsString(selector) + ")?.innerText ?? ''").asString();
    }

    /** Waits until a script's value is true. */
    public void await(String what, String script) {
        try {
            Waiting.until(what, PATIENCE, () -> complaints + "\n" + requests, () -> {
                try {
                    return run(script).asBoolean(false);
                } catch (AssertionError e) {
                    return false; // between two pages there is nothing to run it in
                }
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Types a key, such as {@code Tab}, {@code Enter} or {@code /}. */
    public void press(String key) {
        String typed = key.equals("Enter") ? "\r" : key;
        Map<String, Object> down = key.length() == 1 || key.equals("Enter")
                ? Map.of("type", "keyDown", "key", key, "text", typed)
                : Map.of("type", "rawKeyDown", "key", key, "windowsVirtualKeyCode", code(key));
        call("Input.dispatchKeyEvent", key.equals("Enter")
                ? Map.of("type", "keyDown", "key", key, "text", typed, "windowsVirtualKeyCode", 13)
                : down);
        call("Input.dispatchKeyEvent", Map.of("type", "keyUp", "key", key));
    }

    private static int code(String key) {
        return switch (key) {
            case "Tab" -> 9;
            case "Escape" -> 27;
            case "ArrowRight" -> 39;
            case "ArrowDown" -> 40;
            case "ArrowLeft" -> 37;
            default -> throw new IllegalArgumentException(key);
        };
    }

    public void type(String text) {
        call("Input.insertText", Map.of("text", text));
    }

    public void width(int pixels) {
        call("Emulation.setDeviceMetricsOverride",
                Map.of("width", pixels, "height", 1000, "deviceScaleFactor", 1, "mobile", pixels < 500));
    }

    /** @param colors {@code light} or {@code dark} */
    public void prefer(String colors) {
        call("Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", colors))));
    }

    /** Whether pages may run scripts. */
    public void scripts(boolean enabled) {
        call("Emulation.setScriptExecutionDisabled", Map.of("value", !enabled));
    }

    /** The whole page as a PNG. */
    public byte[] screenshot() {
        JsonNode size = call("Page.getLayoutMetrics", Map.of()).required("cssContentSize");
        JsonNode picture = call("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true, "clip",
                Map.of("x", 0, "y", 0, "width", size.required("width").asDouble(), "height",
                        Math.min(size.required("height").asDouble(), 6000), "scale", 1)));
        return Base64.getDecoder().decode(picture.required("data").asString());
    }

    /** The rules of axe-core that the page breaks: impact, rule and first element of each that is serious or critical. */
    public List<String> seriousProblems() throws IOException {
        try (InputStream axe = Objects.requireNonNull(Browser.class.getResourceAsStream("/axe.min.js"))) {
            run(new String(axe.readAllBytes(), StandardCharsets.UTF_8) + "; 0");
        }
        List<String> problems = new ArrayList<>();
        run("axe.run(document, {resultTypes: ['violations']}).then(all => all.violations"
                + ".filter(one => ['serious', 'critical'].includes(one.impact))"
                + ".map(one => one.impact + ' ' + one.id + ': ' + one.nodes[0].html.slice(0, 200)"
                + " + ' ' + one.nodes[0].failureSummary))").forEach(one -> problems.add(one.asString()));
        return problems;
    }

    /** All addresses that were asked for so far. */
    public List<String> requests() {
        return List.copyOf(requests);
    }

    /** What it complained of so far. */
    public List<String> complaints() {
        return List.copyOf(complaints);
    }

    public void forget() {
        requests.clear();
        complaints.clear();
    }

    /** Called by the WebSocket's thread, one message after the other. */
    private final class Messages implements WebSocket.Listener {
        private final StringBuilder parts = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean isLast) {
            parts.append(part);
            if (isLast) {
                JsonNode message = JSON.readTree(parts.toString());
                parts.setLength(0);
                take(message);
            }
            from.request(1);
            return null;
        }

        private void take(JsonNode message) {
            CompletableFuture<JsonNode> answer = waiting.remove(message.path("id").asInt(-1));
            if (answer != null) {
                if (message.has("error")) {
                    answer.completeExceptionally(new IOException(message.required("error").toString()));
                } else {
                    answer.complete(message.required("result"));
                }
                return;
            }
            JsonNode parameters = message.path("params");
            switch (message.path("method").asString("")) {
                case "Network.requestWillBeSent" ->
                    requests.add(parameters.at("/request/url").asString());
                case "Runtime.exceptionThrown" -> complaints.add(parameters.required("exceptionDetails").toString());
                case "Log.entryAdded" -> complaints.add(parameters.required("entry").toString());
                default -> {
                }
            }
        }
    }

    @Override
    public void close() {
        socket.abort();
        client.close();
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
            }
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
