package org.jobwitness.soak;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.server.json.Json;
import org.jobwitness.wire.Batch;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.JobReading;
import org.jspecify.annotations.Nullable;

/** A node with an agent process. Its cgroups are plain files of jobs whose counters rise all the time. */
final class NodeUnderTest implements AutoCloseable {
    private static final Duration UPDATE_INTERVAL = Duration.ofMillis(50);
    private static final long FIRST_COUNTER = 1_000_000_000;
    private static final long STOP_TIMEOUT_SECONDS = 20;
    private static final int RECORD_HEADER = 20;
    private static final int RECORD_MARKER = 0x4A574231; // JWB1, see BatchSpool

    private final List<String> command;
    private final Path folder;
    private final String name;
    private final List<String> jobIds;
    private final Path queue;
    private final int metricsPort;
    private final Set<Long> counters = ConcurrentHashMap.newKeySet();
    private final Thread updater = Thread.ofPlatform().daemon().unstarted(this::update);
    private @Nullable Process agent;
    private volatile boolean isClosed;

    /**
     * Creates the node and its jobs; {@link #start} starts the agent.
     *
     * @param command that starts the agent
     * @param queue the agent's folder
     */
    NodeUnderTest(List<String> command, Path folder, String name, List<String> jobIds, Path queue)
            throws IOException {
        this.command = command;
        this.folder = folder;
        this.name = name;
        this.jobIds = jobIds;
        this.queue = queue;
        try (ServerSocket free = new ServerSocket(0)) {
            metricsPort = free.getLocalPort();
        }
        Files.createDirectories(events());
        Files.createDirectories(cgroups());
        Files.writeString(cgroups().resolve("cgroup.controllers"), "cpuset cpu io memory pids\n");
        for (String jobId : jobIds) {
            makeJob(jobId);
        }
        updater.start();
    }

    private void makeJob(String jobId) throws IOException {
        Path draft = Files.createDirectories(cgroups().resolve("new"));
        Map<String, String> files = Map.of("cgroup.events", "populated 1\nfrozen 0\n", "cpu.stat",
                cpuStat(FIRST_COUNTER), "cpuset.cpus", "0-3\n", "memory.current", "1000000\n", "memory.peak",
                "2000000\n", "memory.max", "4000000\n", "memory.stat", "anon 600000\nfile 300000\nshmem 1000\n",
                "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Files.writeString(draft.resolve(file.getKey()), file.getValue());
        }
        counters.add(FIRST_COUNTER);
        Files.createDirectories(scope());
        Files.move(draft, scope().resolve("job_" + jobId));
    }

    private static String cpuStat(long counter) {
        return "usage_usec " + counter + "\nuser_usec 2000000\nsystem_usec 1000000\n";
    }

    /** In place, in one write of the same length, so that no reader sees half of it. */
    private void update() {
        long counter = FIRST_COUNTER;
        try {
            while (!isClosed) {
                counter += 70_001;
                counters.add(counter);
                for (String jobId : jobIds) {
                    Files.write(scope().resolve("job_" + jobId).resolve("cpu.stat"),
                            cpuStat(counter).getBytes(StandardCharsets.US_ASCII), StandardOpenOption.WRITE);
                }
                Thread.sleep(UPDATE_INTERVAL);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether a job's counter ever had that value. */
    boolean hadCounter(long counter) {
        return counters.contains(counter);
    }

    String name() {
        return name;
    }

    List<String> jobIds() {
        return jobIds;
    }

    Path queue() {
        return queue;
    }

    Path events() {
        return folder.resolve("spool/events");
    }

    private Path cgroups() {
        return folder.resolve("cgroup");
    }

    private Path scope() {
        return cgroups().resolve("system.slice/slurmstepd.scope");
    }

    private Path log() {
        return folder.resolve("agent.log");
    }

    /** The log of its agents. */
    String logText() throws IOException {
        return Files.exists(log()) ? Files.readString(log()) : "";
    }

    /** Starts the agent, to send to a port of this machine. */
    void start(int port) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
        builder.environment().putAll(Map.of("OBSERVABILITY_API_URL", "http://127.0.0.1:" + port,
                "JOBWITNESS_CONF", folder.resolve("none").toString(), "JOBWITNESS_NODE", name, "JOBWITNESS_INTERVAL",
                "1", "JOBWITNESS_CGROUP_ROOT", cgroups().toString(), "JOBWITNESS_AGENT_DIR", queue.toString(),
                "JOBWITNESS_SPOOL_DIR", folder.resolve("spool").toString(), "JOBWITNESS_AGENT_METRICS",
                Integer.toString(metricsPort)));
        agent = builder.start();
    }

    /** kill -9. */
    void kill() {
        Process running = agent;
        if (running != null) {
            running.destroyForcibly().onExit().join();
        }
    }

    /** SIGTERM, and waits. */
    void stop() throws InterruptedException, IOException {
        Process running = agent;
        if (running == null) {
            return;
        }
        running.destroy();
        if (!running.waitFor(STOP_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            throw new IOException(name + "'s agent did not stop: " + logText());
        }
    }

    /** Records the batches in the queue: from now on none of them may be lost. */
    void recordQueue(Ledger ledger) throws IOException {
        for (Path file : segments()) {
            byte[] bytes;
            try {
                bytes = Files.readAllBytes(file);
            } catch (NoSuchFileException e) {
                continue; // sent by now
            }
            ByteBuffer record = ByteBuffer.wrap(bytes);
            int at = 0;
            while (at + RECORD_HEADER <= bytes.length && record.getInt(at) == RECORD_MARKER
                    && at + RECORD_HEADER + record.getInt(at + 4) <= bytes.length) {
                int end = at + RECORD_HEADER + record.getInt(at + 4);
                ledger.record(Arrays.copyOfRange(bytes, at + RECORD_HEADER, end));
                at = end;
            }
        }
    }

    /** The files of the queue. */
    List<Path> segments() throws IOException {
        if (!Files.isDirectory(queue)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(queue)) {
            return files.filter(file -> file.toString().endsWith(".segment")).toList();
        }
    }

    /** Fills the queue with batches, one a second, as if the server had been unavailable until now. */
    void fillQueue(int batches) {
        Json json = new Json();
        String bootId = name + "-before";
        Instant first = Instant.now().minusSeconds(batches + 60L);
        try (BatchSpool spool = new BatchSpool(queue, 64 << 20, Duration.ofDays(1), NodeClock.SYSTEM,
                new Log(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)))) {
            for (int number = 1; number <= batches; number++) {
                // Lower than all counters in the cgroups, since it is older.
                long counter = FIRST_COUNTER - (batches - number + 1) * 70_001L;
                counters.add(counter);
                List<JobReading> readings = new ArrayList<>();
                for (String jobId : jobIds) {
                    readings.add(JobReading.builder(jobId).cgroupPath("/job_" + jobId).cpusUsed(2.5)
                            .put(Figure.CPUS, 4).put(Figure.CPU_USAGE_USEC, counter)
                            .put(Figure.MEMORY_USAGE_BYTES, 1_000_000L).build());
                }
                spool.put(gzip(json.text(new Batch(Batch.VERSION, null, name, bootId, (long) number,
                        first.plusSeconds(number), 1000, null, null, readings, List.of()))));
            }
        }
    }

    static byte[] gzip(String text) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }

    /** The value of a metric of the agent. */
    long metric(String series) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            String text = http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + metricsPort + "/metrics"))
                    .build(), HttpResponse.BodyHandlers.ofString()).body();
            return text.lines().filter(line -> line.startsWith("jobwitness_agent_" + series + " "))
                    .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf(' ') + 1))).findFirst()
                    .orElseThrow(() -> new IOException("no " + series.toLowerCase(Locale.ROOT) + " in " + text));
        }
    }

    @Override
    public void close() {
        isClosed = true;
        kill();
    }
}
