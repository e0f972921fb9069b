package org.jobwitness.soak;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/** Requests arrive late, repeated or out of order, or with the times of a wrong clock. */
final class NetworkFaults {
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter
            .ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final Pattern AGENT_TIME = Pattern.compile("\"(timestamp|since)\":\"([^\"]+)\"");

    private final Testbed testbed;
    private final Ledger ledger;
    private final Relay relay;
    private final Random random;

    NetworkFaults(Testbed testbed, Random random) {
        this.testbed = testbed;
        this.ledger = testbed.ledger();
        this.relay = testbed.relay();
        this.random = random;
    }

    void addTo(Map<String, AgentSoak.Scenario> scenarios) {
        scenarios.put("shuffled", this::shuffled);
        scenarios.put("clock", this::wrongClocks);
    }

    private Result shuffled() throws IOException, InterruptedException, SQLException {
        NodeUnderTest node = testbed.start(testbed.node("shuffled", 8));
        long before = ledger.requests();
        DelayedDelivery delivery = new DelayedDelivery();
        relay.handler(delivery);
        long end = System.nanoTime() + Duration.ofSeconds(40).toNanos();
        while (System.nanoTime() < end) {
            Thread.sleep(4000);
            delivery.deliver();
        }
        relay.handler(Relay.FORWARD);
        delivery.deliver();
        return testbed.drain("requests delivered late, in any order, up to three times", List.of(node), Instant.now(),
                delivery.deliveries + " deliveries of " + (ledger.requests() - before) + " requests");
    }

    /** Accepts batches in place of the server, and delivers them later. */
    private final class DelayedDelivery implements Relay.Handler {
        private final List<Delayed> waiting = new ArrayList<>();
        private int deliveries;

        private record Delayed(Relay.Request request, Relay.Handler next) {
        }

        @Override
        public synchronized Relay.Response handle(Relay.Request request, Relay.Handler next) {
            waiting.add(new Delayed(request, next));
            return Relay.Response.of(200, "{\"status\":\"stored\",\"version\":1,\"refused\":[]}");
        }

        /** All that wait, in random order, each one to three times. */
        void deliver() throws IOException, InterruptedException {
            List<Delayed> shuffled = new ArrayList<>();
            synchronized (this) {
                waiting.forEach(one -> shuffled.addAll(Collections.nCopies(random.nextInt(1, 4), one)));
                waiting.clear();
            }
            Collections.shuffle(shuffled, random);
            for (Delayed one : shuffled) {
                int status = one.next().handle(one.request(), one.next()).status();
                if (status != 200) {
                    throw new IOException("delivered late, with status " + status);
                }
                deliveries++;
            }
        }
    }

    private Result wrongClocks() throws IOException, InterruptedException, SQLException {
        ServerProcess server = testbed.server();
        NodeUnderTest fast = testbed.node("fast", 9);
        NodeUnderTest slow = testbed.node("slow", 10);
        relay.handler((request, next) -> {
            boolean isFast = ledger.record(request.body()).node().equals(fast.name());
            return next.handle(shifted(request, Duration.ofHours(isFast ? 1 : -1)), next);
        });
        List<NodeUnderTest> nodes = List.of(testbed.start(fast), testbed.start(slow));
        testbed.awaitFirstBatch(nodes);
        Thread.sleep(Duration.ofSeconds(20));
        server.kill(); // so that some batches arrive late
        Thread.sleep(Duration.ofSeconds(10));
        server.launch();
        server.awaitReady();
        return testbed.drain("clocks of two nodes an hour fast and an hour slow", nodes, Instant.now(),
                "stored times are right within " + Testbed.CLOCK_TOLERANCE.toSeconds() + " s");
    }

    private static Relay.Request shifted(Relay.Request request, Duration by) throws IOException {
        String text;
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(request.body()))) {
            text = new String(in.readAllBytes(), UTF_8);
        }
        Matcher times = AGENT_TIME.matcher(text);
        byte[] body = NodeUnderTest.gzip(times.replaceAll(
                found -> "\"" + found.group(1) + "\":\"" + Instant.parse(found.group(2)).plus(by) + "\""));
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.putAll(request.headers());
        headers.computeIfPresent("Date", (_, date) -> HTTP_DATE
                .format(Instant.from(HTTP_DATE.parse(date)).plus(by).atOffset(ZoneOffset.UTC)));
        return new Relay.Request(request.path(), headers, body);
    }
}
