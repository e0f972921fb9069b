package org.jobwitness.soak;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Clients that report the start of a job each, one after the other, and know which were acknowledged. */
final class EventLoad implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofMinutes(2);
    private static final Duration PAUSE = Duration.ofMillis(20);

    private final int port;
    private final String prefix;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).build();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger serverErrors = new AtomicInteger();
    private final AtomicInteger unanswered = new AtomicInteger();
    private final AtomicLong longest = new AtomicLong();
    private final Set<String> acknowledged = ConcurrentHashMap.newKeySet();
    private final Set<String> uncertain = ConcurrentHashMap.newKeySet();
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean isStopped;

    /** What became of all requests. {@code longest} is of those that were answered. */
    record Figures(int requests, int serverErrors, int unanswered, long lost, long doubled, Duration longest) {
        Figures and(Figures other) {
            return new Figures(requests + other.requests, serverErrors + other.serverErrors,
                    unanswered + other.unanswered, lost + other.lost, doubled + other.doubled,
                    longest.compareTo(other.longest) > 0 ? longest : other.longest);
        }
    }

    /** @param prefix of the job ids */
    EventLoad(int port, String prefix) {
        this.port = port;
        this.prefix = prefix;
    }

    /** Clients that go on until they are stopped. */
    void start(int count) {
        for (int i = 0; i < count; i++) {
            clients.add(Thread.startVirtualThread(this::sendAll));
        }
    }

    /** As many requests at once, one each. */
    void sendOnce(int count) {
        for (int i = 0; i < count; i++) {
            clients.add(Thread.startVirtualThread(() -> send(prefix + next.incrementAndGet())));
        }
    }

    private void sendAll() {
        while (!isStopped) {
            if (!send(prefix + next.incrementAndGet())) {
                try {
                    Thread.sleep(PAUSE);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }
    }

    /** Sends one, and returns whether it was acknowledged. */
    boolean send(String jobId) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/events/job-started"))
                .timeout(TIMEOUT).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"job_id\": \"" + jobId + "\", \"user\": \"alice\", \"node_list\": [\"n1\"]}"))
                .build();
        long began = System.nanoTime();
        try {
            int status = http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
            longest.accumulateAndGet(System.nanoTime() - began, Math::max);
            serverErrors.addAndGet(status >= 500 ? 1 : 0);
            (status == 200 ? acknowledged : uncertain).add(jobId);
            return status == 200;
        } catch (IOException e) {
            unanswered.incrementAndGet();
            uncertain.add(jobId);
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    void awaitAcknowledged(int count) throws IOException, InterruptedException {
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (acknowledged.size() < count) {
            if (System.nanoTime() > end) {
                throw new IOException("only " + acknowledged.size() + " events were acknowledged");
            }
            Thread.sleep(1);
        }
    }

    void stop() throws InterruptedException {
        isStopped = true;
        for (Thread client : clients) {
            client.join();
        }
    }

    /** Sends again what was not acknowledged, as the scripts and the agent do. */
    void sendAgain() {
        Set<String> again = Set.copyOf(uncertain);
        again.stream().filter(this::send).forEach(uncertain::remove);
    }

    /** @param stored all job ids of the server, those with several runs several times */
    Figures compare(List<String> stored) {
        Map<String, Integer> runs = new HashMap<>();
        stored.stream().filter(id -> id.startsWith(prefix)).forEach(id -> runs.merge(id, 1, Integer::sum));
        long lost = acknowledged.stream().filter(id -> !runs.containsKey(id)).count();
        long doubled = runs.values().stream().filter(count -> count > 1).count();
        return new Figures(next.get(), serverErrors.get(), unanswered.get(), lost, doubled,
                Duration.ofNanos(longest.get()));
    }

    @Override
    public void close() {
        isStopped = true;
        http.shutdownNow();
    }
}
