package org.jobwitness.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Agents, a server with its PostgreSQL, and everything that may go wrong between, under and beside them: each reading that was
 * taken into an agent's queue is stored, once. Prints a table for bench/results.md, and ends with status 1 if it is not so.
 */
public final class AgentFaults implements AutoCloseable {
    private static final int JOBS = 3;
    private static final Duration PATIENCE = Duration.ofMinutes(6);
    /** A node whose newest batch is no older has nothing left to send. */
    private static final Duration LATELY = Duration.ofSeconds(3);
    /** The Date of a request has whole seconds, and what the request takes on its way is added to it. */
    private static final Duration CLOCK_TOLERANCE = Duration.ofSeconds(3);
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter
            .ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final Pattern OWN_TIME = Pattern.compile("\"(timestamp|since)\":\"([^\"]+)\"");
    private static final String USAGE = """
            Usage: AgentFaults PATH-OF-jobwitness-server PATH-OF-jobwitness-agent [NAME=VALUE]...

            only=NAME,...     of these only: away database agent server full readonly shuffled clock burst events
            seconds=60        for which the server is away
            kills=50          of the agent
            server-kills=20   of the server
            batches=2000      of the burst
            seed=1            of what happens at random""";

    private final Map<String, String> given;
    private final List<String> agent;
    private final Path folder;
    private final Ledger ledger = new Ledger();
    private final Relay relay;
    private final WholeServer server;
    private final Random random;
    private final List<NodeUnderTest> open = new CopyOnWriteArrayList<>();

    @FunctionalInterface
    private interface Scenario {
        Row run() throws IOException, InterruptedException, SQLException;
    }

    /** @param comparison null if it could not be run here */
    private record Row(String what, @Nullable Comparison comparison, String notes) {
        boolean isSound() {
            return comparison == null || comparison.isSound();
        }

        @Override
        public String toString() {
            String figures = comparison == null
                    ? "| | | | | "
                    : String.format(Locale.ROOT, "| %d / %d | %d | %d | %d | ", comparison.batches(),
                            comparison.readings(), comparison.stored(), comparison.lost(), comparison.doubled());
            String wrong = comparison == null || comparison.wrong().isEmpty()
                    ? ""
                    : " **WRONG: " + comparison.wrong().stream().limit(5).toList() + "**";
            return "| " + what + " " + figures + notes + wrong + " |";
        }
    }

    private AgentFaults(List<String> serverCommand, List<String> agent, Path folder, Map<String, String> given)
            throws IOException {
        this.given = given;
        this.agent = agent;
        this.folder = folder;
        relay = new Relay(ledger);
        server = new WholeServer(serverCommand, folder.resolve("server"));
        random = new Random(value("seed", 1));
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println(USAGE);
            System.exit(2);
        }
        Map<String, String> given = new HashMap<>();
        for (String pair : Arrays.copyOfRange(args, 2, args.length)) {
            String[] both = pair.split("=", 2);
            given.put(both[0], both.length > 1 ? both[1] : "");
        }
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("bench/target")), "faults")
                .toAbsolutePath();
        boolean isSound;
        try (AgentFaults faults = new AgentFaults(List.of(Path.of(args[0]).toAbsolutePath().toString()),
                List.of(Path.of(args[1]).toAbsolutePath().toString()), folder, given)) {
            Runtime.getRuntime().addShutdownHook(new Thread(faults::end)); // Ctrl-C
            isSound = faults.run();
        }
        if (isSound) {
            delete(folder);
        } else {
            System.err.println("What agents and server said is in " + folder);
            System.exit(1);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
    }

    private int value(String name, int otherwise) {
        return Integer.parseInt(given.getOrDefault(name, Integer.toString(otherwise)));
    }

    private boolean run() throws IOException, InterruptedException, SQLException {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("away", this::serverAway);
        all.put("database", this::databaseAway);
        all.put("agent", this::agentKilled);
        all.put("server", this::serverKilled);
        all.put("full", this::diskFull);
        all.put("readonly", this::diskReadOnly);
        all.put("shuffled", this::shuffled);
        all.put("clock", this::clockOff);
        all.put("burst", this::burst);
        all.put("events", this::events);
        if (given.containsKey("only")) {
            all.keySet().retainAll(List.of(given.getOrDefault("only", "").split(",")));
        }
        server.launch();
        relay.server(server.awaitReady());
        List<Row> rows = new ArrayList<>();
        for (Scenario scenario : all.values()) {
            Row row = scenario.run();
            rows.add(row);
            System.err.println(row);
            relay.way(Relay.OPEN);
        }
        System.out.printf("%n| what | batches / readings sent | stored | lost | doubled | notes |%n");
        System.out.println("|---|---|---|---|---|---|");
        rows.forEach(System.out::println);
        return rows.stream().allMatch(Row::isSound);
    }

    // --- what may go wrong -----------------------------------------------------------------------------------------

    private Row serverAway() throws IOException, InterruptedException, SQLException {
        int seconds = value("seconds", 60);
        List<NodeUnderTest> nodes = List.of(start(node("away", 1)));
        awaitSomething(nodes);
        server.kill();
        Thread.sleep(Duration.ofSeconds(seconds));
        server.launch();
        server.awaitReady();
        return drained("server killed, and started after " + seconds + " s", nodes, Instant.now(), "");
    }

    private Row databaseAway() throws IOException, InterruptedException, SQLException {
        List<NodeUnderTest> nodes = List.of(start(node("database", 2)));
        awaitSomething(nodes);
        for (int seconds : List.of(5, 25)) {
            server.signalPostgres("STOP");
            Thread.sleep(Duration.ofSeconds(seconds));
            server.signalPostgres("CONT");
            awaitDrained(nodes, Instant.now());
        }
        server.killPostmaster();
        return drained("PostgreSQL stands still for 5 s and for 25 s, then its postmaster is killed", nodes,
                Instant.now(), "");
    }

    private Row agentKilled() throws IOException, InterruptedException, SQLException {
        int kills = value("kills", 50);
        NodeUnderTest node = start(node("agent", 3));
        awaitSomething(List.of(node));
        for (int kill = 1; kill <= kills; kill++) {
            relay.way(kill / 5 % 2 == 1 ? Relay.AWAY : Relay.OPEN);
            Thread.sleep(random.nextInt(200, 2500));
            node.kill();
            node.noteQueue(ledger);
            start(node);
        }
        relay.way(Relay.OPEN);
        return drained("agent killed " + kills + " times, by turns with and without a server", List.of(node),
                Instant.now(), "");
    }

    private Row serverKilled() throws IOException, InterruptedException, SQLException {
        int kills = value("server-kills", 20);
        List<NodeUnderTest> nodes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            NodeUnderTest node = node("server" + i, 40 + i);
            node.fillQueue(20 * kills);
            node.noteQueue(ledger);
            nodes.add(start(node));
        }
        awaitSomething(nodes);
        for (int kill = 1; kill <= kills; kill++) {
            Thread.sleep(random.nextInt(2000));
            server.kill();
            server.launch();
            server.awaitReady();
        }
        return drained("server killed " + kills + " times while three agents drain queues", nodes, Instant.now(), "");
    }

    private Row diskFull() throws IOException, InterruptedException, SQLException {
        String what = "disk of the queue full while the server is away, then larger";
        Path disk = Files.createDirectories(folder.resolve("small-disk"));
        if (!mount("-t", "tmpfs", "-o", "size=32k", "tmpfs", disk.toString())) {
            return new Row(what, null, "not run: needs root");
        }
        try {
            NodeUnderTest node = node("full", 5, disk.resolve("queue"));
            start(node);
            awaitSomething(List.of(node));
            relay.way(Relay.AWAY);
            await("the disk is full", () -> node.said().contains("spool_disk_failed"));
            await("15 batches in memory", () -> node.metric("spool_in_memory_batches") >= 15);
            long failures = node.metric("spool_disk_failures_total");
            mount("-o", "remount,size=4m", disk.toString());
            await("the disk is used again", () -> node.metric("spool_in_memory_batches") == 0);
            boolean isSaid = node.said().contains("spool_disk_recovered");
            relay.way(Relay.OPEN);
            Row row = drained(what, List.of(node), Instant.now(), failures + " failures counted, and logged once; "
                    + "15 batches waited in memory");
            return isSaid ? row : wrong(row, "the log does not say that the disk works again");
        } finally {
            leave(disk);
        }
    }

    private Row diskReadOnly() throws IOException, InterruptedException, SQLException {
        String what = "disk of the queue read-only while the server is away and when it is back; on another node a file in"
                + " place of the folder";
        NodeUnderTest node = node("readonly", 6);
        NodeUnderTest other = node("nofolder", 7);
        Files.createFile(other.queue());
        List<NodeUnderTest> nodes = List.of(start(node), start(other));
        awaitSomething(nodes);
        relay.way(Relay.AWAY);
        await("something is on disk", () -> !node.segments().isEmpty());
        // Mounted over itself: a disk cannot be made read-only while the agent holds its lock.
        String queue = node.queue().toString();
        if (!mount("--bind", queue, queue)) {
            return new Row(what, null, "not run: needs root");
        }
        try {
            mount("-o", "remount,bind,ro", queue);
            await("10 batches in memory", () -> node.metric("spool_in_memory_batches") >= 10
                    && other.metric("spool_in_memory_batches") >= 10);
            relay.way(Relay.OPEN);
            awaitDrained(nodes, Instant.now());
            node.stop();
        } finally {
            leave(node.queue());
        }
        start(node); // sends again what could not be deleted
        Files.delete(other.queue());
        relay.way(Relay.AWAY);
        await("both use their disks", () -> Files.isDirectory(other.queue())
                && other.metric("spool_in_memory_batches") == 0);
        relay.way(Relay.OPEN);
        return drained(what, nodes, Instant.now(), "");
    }

    private Row shuffled() throws IOException, InterruptedException, SQLException {
        NodeUnderTest node = start(node("shuffled", 8));
        long before = ledger.requests();
        Hoard hoard = new Hoard();
        relay.way(hoard);
        long end = System.nanoTime() + Duration.ofSeconds(40).toNanos();
        while (System.nanoTime() < end) {
            Thread.sleep(4000);
            hoard.deliver();
        }
        relay.way(Relay.OPEN);
        hoard.deliver();
        return drained("requests delivered late, in any order, up to three times", List.of(node), Instant.now(),
                hoard.deliveries + " deliveries of " + (ledger.requests() - before) + " requests");
    }

    /** Takes batches in place of the server, and hands them on later. */
    private final class Hoard implements Relay.Way {
        private final List<Late> kept = new ArrayList<>();
        private int deliveries;

        private record Late(Relay.Request request, Relay.Way onward) {
        }

        @Override
        public synchronized Relay.Answer go(Relay.Request request, Relay.Way onward) {
            kept.add(new Late(request, onward));
            return Relay.Answer.of(200, "{\"status\":\"stored\",\"version\":1,\"refused\":[]}");
        }

        /** All that came since the last time, the first of it last or in between, each once to three times. */
        void deliver() throws IOException, InterruptedException {
            List<Late> late = new ArrayList<>();
            synchronized (this) {
                kept.forEach(one -> late.addAll(Collections.nCopies(random.nextInt(1, 4), one)));
                kept.clear();
            }
            Collections.shuffle(late, random);
            for (Late one : late) {
                int status = one.onward().go(one.request(), one.onward()).status();
                if (status != 200) {
                    throw new IOException("delivered late, but answered with " + status);
                }
                deliveries++;
            }
        }
    }

    private Row clockOff() throws IOException, InterruptedException, SQLException {
        NodeUnderTest fast = node("fast", 9);
        NodeUnderTest slow = node("slow", 10);
        relay.way((request, onward) -> {
            boolean isFast = ledger.note(request.body()).node().equals(fast.name());
            return onward.go(shifted(request, Duration.ofHours(isFast ? 1 : -1)), onward);
        });
        List<NodeUnderTest> nodes = List.of(start(fast), start(slow));
        awaitSomething(nodes);
        Thread.sleep(Duration.ofSeconds(20));
        server.kill(); // so that some of it is old when it comes
        Thread.sleep(Duration.ofSeconds(10));
        server.launch();
        server.awaitReady();
        return drained("clocks of two nodes an hour fast and an hour slow", nodes, Instant.now(),
                "stored times are right within " + CLOCK_TOLERANCE.toSeconds() + " s");
    }

    private static Relay.Request shifted(Relay.Request request, Duration by) throws IOException {
        String text;
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(request.body()))) {
            text = new String(in.readAllBytes(), UTF_8);
        }
        Matcher times = OWN_TIME.matcher(text);
        byte[] changed = NodeUnderTest.gzip(times.replaceAll(
                found -> "\"" + found.group(1) + "\":\"" + Instant.parse(found.group(2)).plus(by) + "\""));
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.putAll(request.headers());
        headers.computeIfPresent("Date", (_, date) -> HTTP_DATE
                .format(Instant.from(HTTP_DATE.parse(date)).plus(by).atOffset(ZoneOffset.UTC)));
        return new Relay.Request(request.path(), headers, changed);
    }

    private Row burst() throws IOException, InterruptedException, SQLException {
        int agents = 4;
        int batches = value("batches", 2000);
        List<NodeUnderTest> nodes = new ArrayList<>();
        for (int i = 0; i < agents; i++) {
            NodeUnderTest node = node("burst" + i, 11 + i);
            node.fillQueue(batches / agents);
            node.noteQueue(ledger);
            nodes.add(node);
        }
        Map<Integer, Integer> before = ledger.answers();
        Instant begun = Instant.now();
        for (NodeUnderTest node : nodes) {
            start(node);
        }
        awaitDrained(nodes, begun);
        Map<Integer, Integer> answers = ledger.answers();
        answers.replaceAll((status, count) -> count - before.getOrDefault(status, 0));
        answers.values().removeIf(count -> count == 0);
        return drained(batches + " batches waiting at once, of " + agents + " agents", nodes, begun,
                "answers by status: " + answers);
    }

    /** What prolog and epilog leave while the server is away. */
    private Row events() throws IOException, InterruptedException, SQLException {
        NodeUnderTest node = start(node("events", 20));
        awaitSomething(List.of(node));
        relay.way(Relay.AWAY);
        Instant start = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        List<Path> left = new ArrayList<>();
        for (String jobId : node.jobIds()) {
            left.add(event(node, jobId, "started", start));
        }
        left.add(event(node, "20999", "started", start));
        left.add(event(node, "20999", "finished", start.plusSeconds(1)));
        Map<Path, String> files = new TreeMap<>();
        for (Path file : left) {
            files.put(file, content(file));
        }
        Thread.sleep(Duration.ofSeconds(30));
        int takenBefore = ledger.order().size();
        Instant back = Instant.now();
        relay.way(Relay.OPEN);
        awaitDrained(List.of(node), back);
        await("the last event is taken", () -> ledger.order().contains(left.getLast().getFileName().toString()));
        List<String> order = ledger.order().subList(takenBefore, ledger.order().size());
        List<String> expected = left.stream().map(file -> file.getFileName().toString()).toList();
        List<String> taken = order.stream().filter(one -> !one.startsWith("batch")).toList();
        long ahead = order.stream().takeWhile(one -> !one.equals(expected.getLast()))
                .filter(one -> one.startsWith("batch")).count();
        Row row = drained("events of prolog and epilog left while the server is away", List.of(node), back,
                expected.size() + " events, " + ahead + " batches before the last of them; files untouched");
        if (!taken.equals(expected)) {
            return wrong(row, "events taken: " + taken);
        }
        if (ahead > 1) { // by one batch it is found that the server is back
            return wrong(row, "batches went ahead of events");
        }
        for (Map.Entry<Path, String> file : files.entrySet()) {
            if (!file.getValue().equals(content(file.getKey()))) {
                return wrong(row, "changed: " + file.getKey());
            }
        }
        String state = server.job("20999").path("state").stringValue("");
        return state.equals("completed") ? row : wrong(row, "the job of the epilog is " + state);
    }

    private static String content(Path file) throws IOException {
        return Files.getLastModifiedTime(file) + " " + Files.readString(file);
    }

    /** Under its name at once, as the scripts make it; the name is the event's id, too. */
    private static Path event(NodeUnderTest node, String jobId, String kind, Instant at) throws IOException {
        String name = at.getEpochSecond() + "-" + jobId + "-" + kind + "-77.json";
        String end = kind.equals("finished") ? ",\"end_time\":\"" + at + "\",\"exit_code\":0" : "";
        Path draft = Files.writeString(node.events().resolve("." + name),
                "{\"event_id\":\"" + name + "\",\"job_id\":\"" + jobId + "\",\"user\":\"alice\",\"node_list\":[\""
                        + node.name() + "\"],\"node\":\"" + node.name() + "\"" + end + "}\n");
        return Files.move(draft, node.events().resolve(name));
    }

    // --- what all of them do ---------------------------------------------------------------------------------------

    private NodeUnderTest node(String name, int number) throws IOException {
        return node(name, number, folder.resolve(name + "-queue"));
    }

    private NodeUnderTest node(String name, int number, Path queue) throws IOException {
        List<String> jobIds = new ArrayList<>();
        for (int job = 1; job <= JOBS; job++) {
            jobIds.add(Integer.toString(1000 * number + job));
        }
        NodeUnderTest node = new NodeUnderTest(agent, Files.createDirectories(folder.resolve(name)), name, jobIds,
                queue);
        open.add(node);
        return node;
    }

    private NodeUnderTest start(NodeUnderTest node) throws IOException {
        node.start(relay.port());
        return node;
    }

    @FunctionalInterface
    private interface Condition {
        boolean holds() throws IOException, InterruptedException;
    }

    private void await(String what, Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new IOException("not after " + PATIENCE.toSeconds() + " s: " + what + "; see " + folder);
            }
            Thread.sleep(100);
        }
    }

    private void awaitSomething(List<NodeUnderTest> nodes) throws IOException, InterruptedException {
        await("a batch of each", () -> nodes.stream().allMatch(node -> ledger.newestTaken(node.name()).isPresent()));
    }

    /** Until each node's agent has nothing left to send, and something that it read after that moment was taken. */
    private void awaitDrained(List<NodeUnderTest> nodes, Instant since) throws IOException, InterruptedException {
        await("all is sent", () -> nodes.stream().allMatch(node -> ledger.newestTaken(node.name())
                .filter(at -> at.isAfter(since) && at.isAfter(Instant.now().minus(LATELY))).isPresent()
                && ledger.isAllTaken(node.name())));
    }

    /** Waits until the agents have nothing left, ends them, and compares. */
    private Row drained(String what, List<NodeUnderTest> nodes, Instant back, String notes)
            throws IOException, InterruptedException, SQLException {
        awaitDrained(nodes, back);
        String time = String.format(Locale.ROOT, "drained in %.1f s",
                Duration.between(back, Instant.now()).toMillis() / 1e3);
        long pause = nodes.stream().mapToLong(node -> ledger.longestPauseMillis(node.name())).max().orElseThrow();
        List<NodeUnderTest> left = new ArrayList<>();
        for (NodeUnderTest node : nodes) {
            node.stop();
            node.noteQueue(ledger);
            if (!node.segments().isEmpty()) {
                left.add(node);
            }
        }
        Row row = new Row(what, Comparison.of(ledger, nodes, server, CLOCK_TOLERANCE),
                time + "; longest time without a reading "
                        + String.format(Locale.ROOT, "%.1f s", pause / 1e3) + (notes.isEmpty() ? "" : "; " + notes));
        nodes.forEach(NodeUnderTest::close);
        open.removeAll(nodes);
        return left.isEmpty()
                ? row
                : wrong(row, "queues with something left: " + left.stream().map(NodeUnderTest::name).toList());
    }

    private static Row wrong(Row row, String what) {
        Comparison one = row.comparison();
        if (one == null) {
            return row;
        }
        List<String> wrong = new ArrayList<>(one.wrong());
        wrong.add(what);
        return new Row(row.what(),
                new Comparison(one.batches(), one.readings(), one.stored(), one.lost(), one.doubled(),
                        wrong),
                row.notes());
    }

    private static boolean mount(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("mount"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start().waitFor() == 0;
    }

    private static void leave(Path disk) throws IOException, InterruptedException {
        new ProcessBuilder("umount", "--lazy", disk.toString()).inheritIO().start().waitFor();
    }

    private void end() {
        try {
            close();
        } catch (IOException e) {
            System.err.println("not all has ended: " + e);
        }
    }

    @Override
    public void close() throws IOException {
        open.forEach(NodeUnderTest::close);
        relay.close();
        server.close();
    }
}
