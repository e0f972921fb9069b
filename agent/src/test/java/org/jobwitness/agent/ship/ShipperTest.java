package org.jobwitness.agent.ship;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jobwitness.agent.ForeignUser;
import org.jobwitness.agent.Signal;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.wire.Batch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against a service that can be away, slow, or of another opinion. */
class ShipperTest {
    private static final Duration NO_JITTER = Duration.ZERO;
    private static final Duration DEADLINE = Duration.ofSeconds(10);
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-11-23T08:00:00Z"));
    private static final Timing QUICK = quick(Duration.ofMillis(4), Duration.ofSeconds(8));
    /** What fails again and again waits for as long as in earnest. */
    private static final Timing LONG_BACKOFF = new Timing(QUICK.connectTimeout(), QUICK.readTimeout(),
            QUICK.responseTimeout(),
            QUICK.initialBackoff(), Timing.STANDARD.maxBackoff(), QUICK.maxRetryAfter(), QUICK.requestInterval(),
            QUICK.scriptTimeout(), QUICK.draftTimeout(), QUICK.listingInterval(), QUICK.pendingListingInterval(),
            QUICK.closeTimeout());
    /** What is sent at the end has time, however busy the machine is. */
    private static final Timing UNHURRIED = new Timing(QUICK.connectTimeout(), QUICK.readTimeout(),
            QUICK.responseTimeout(),
            QUICK.initialBackoff(), QUICK.maxBackoff(), QUICK.maxRetryAfter(), QUICK.requestInterval(),
            QUICK.scriptTimeout(), QUICK.draftTimeout(), QUICK.listingInterval(), QUICK.pendingListingInterval(),
            DEADLINE);

    private final Signal signal = new Signal();
    /** The sending thread asks for the time after all that it does, and before it waits. */
    private final NodeClock clock = new NodeClock(CLOCK, () -> {
        signal.changed();
        return System.nanoTime();
    });
    @TempDir
    Path temp;
    private Path events;
    private final ByteArrayOutputStream logged = new ByteArrayOutputStream();
    private final Log log = new Log(new PrintStream(logged, true, StandardCharsets.UTF_8));
    private final List<AutoCloseable> toClose = new ArrayList<>();
    private BatchSpool spool;

    private static Timing quick(Duration between, Duration answer) {
        return new Timing(Duration.ofSeconds(5), answer.multipliedBy(3).dividedBy(4), answer, Duration.ofMillis(20),
                Duration.ofMillis(40), Duration.ofMinutes(5), between, Duration.ofMillis(60), Duration.ofMillis(150),
                Duration.ofMillis(200), Duration.ofMillis(50), Duration.ofMillis(600));
    }

    @BeforeEach
    void makeSpool() throws IOException {
        events = Files.createDirectory(temp.resolve("events"));
        spool = new BatchSpool(temp.resolve("queue"), 64 << 20, Duration.ofDays(7),
                new NodeClock(CLOCK, System::nanoTime), log);
        toClose.add(spool);
    }

    @AfterEach
    void leaveNothing() throws Exception {
        for (AutoCloseable closeable : toClose.reversed()) {
            closeable.close();
        }
    }

    private <T extends AutoCloseable> T closed(T closeable) {
        toClose.add(closeable);
        return closeable;
    }

    private Shipper shipper(URI url) {
        return shipper(new Destination(url, null, null), NO_JITTER, QUICK, new Random(1));
    }

    private Shipper shipper(Destination destination, Duration jitter, Timing timing, RandomGenerator random) {
        Shipper shipper = closed(new Shipper(destination, events, jitter, spool, clock, log, timing, random));
        shipper.start();
        return shipper;
    }

    /** One that is started once it has all that it is to find. */
    private Shipper unstarted(URI url) {
        return closed(new Shipper(new Destination(url, null, null), events, NO_JITTER, spool, clock, log, QUICK,
                new Random(1)));
    }

    private FakeService service() throws IOException {
        return closed(FakeService.start(signal::changed));
    }

    private static Batch batch(long sequence) {
        return new Batch(1, "c1", "n1", "boot-1", sequence, Instant.parse("2026-11-23T07:59:59.123Z"), 15_000, "1.0",
                null, List.of(), List.of());
    }

    private static void add(Shipper shipper, long first, long behindLast) {
        for (long sequence = first; sequence < behindLast; sequence++) {
            shipper.add(batch(sequence), false);
        }
    }

    private static List<Long> sequences(FakeService service) {
        return service.requests().stream().filter(request -> request.path().equals("/v1/batches"))
                .map(ShipperTest::sequence).toList();
    }

    private static long sequence(FakeService.Request request) {
        return Long.parseLong(request.body().replaceAll(".*\"sequence\":([0-9]+).*", "$1"));
    }

    private static List<Long> numbers(int first, int behindLast) {
        return IntStream.range(first, behindLast).mapToObj(Long::valueOf).toList();
    }

    private void await(String what, BooleanSupplier condition) {
        signal.await(what, condition, this::log);
    }

    @Test
    void eachBatchTellsWhatIsStillToBeSentAndForHowLongThatHasWaited() throws IOException {
        FakeService service = service().answering(
                request -> request.path().equals("/v1/batches") ? FakeService.STORED : FakeService.Answer.of(500));
        Path event = events.resolve(CLOCK.instant().minusSeconds(3600).getEpochSecond() + "-17-started-1.json");
        Files.writeString(event, "{\"event_id\":\"e17\"}");
        Shipper shipper = unstarted(service.url());
        add(shipper, 1, 3);
        shipper.start();
        awaitEmpty();
        assertThat(service.requests()).filteredOn(request -> request.path().equals("/v1/batches"))
                .extracting(request -> request.header("X-Agent-Waiting"))
                .containsExactly("batches=1, events=1, seconds=3600", "batches=0, events=1, seconds=3600");
    }

    private void awaitEmpty() {
        await("the spool is empty", () -> spool.depth().batches() == 0);
    }

    private long timesLogged(String text) {
        return log().lines().filter(line -> line.contains(text)).count();
    }

    private String log() {
        return logged.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aBatchArrivesAsItWasRead() throws IOException {
        FakeService service = service();
        Path token = Files.writeString(temp.resolve("token"), "jw-secret.1\nanother line\n");
        Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r-----"));
        Shipper shipper = shipper(new Destination(URI.create(service.url() + "/"), token, null), NO_JITTER, QUICK,
                new Random(1));
        shipper.add(batch(7), false);
        awaitEmpty();

        FakeService.Request request = service.requests().getFirst();
        assertThat(request.path()).isEqualTo("/v1/batches");
        assertThat(request.body()).isEqualTo(BatchJson.of(batch(7)));
        assertThat(request.header("Authorization")).isEqualTo("Bearer jw-secret.1");
        assertThat(request.header("Content-Type")).isEqualTo("application/json");
        assertThat(request.header("Content-Encoding")).isEqualTo("gzip");
        assertThat(request.header("Date")).isEqualTo("Mon, 23 Nov 2026 08:00:00 GMT");
        assertThat(request.header("X-Source")).isEqualTo("jobwitness-agent");
        await("it is counted", () -> shipper.counts().batchesSent() == 1);
        assertThat(shipper.counts()).isEqualTo(new ShipperCounts(1, 0, 0, 0, 0, 0, 0, CLOCK.instant(), null));
        assertThat(log()).isEmpty();
    }

    @Test
    void aBatchWaitsForItsPartOfTheJitter() throws IOException {
        FakeService service = service();
        RandomGenerator half = new Random(1) {
            private static final long serialVersionUID = 1;

            @Override
            public long nextLong(long bound) {
                return bound / 2;
            }
        };
        Shipper shipper = shipper(new Destination(service.url(), null, null), Duration.ofMillis(800), QUICK, half);
        long added = System.nanoTime();
        shipper.add(batch(1), false);
        awaitEmpty();
        assertThat(Duration.ofNanos(service.requests().getFirst().atNanos() - added))
                .isGreaterThanOrEqualTo(Duration.ofMillis(395));
    }

    @Test
    void whatIsUrgentDoesNotWaitForTheJitter() throws IOException {
        FakeService service = service();
        Shipper shipper = shipper(new Destination(service.url(), null, null), Duration.ofDays(1), QUICK,
                new Random(1));
        shipper.add(batch(1), false);
        shipper.add(batch(2), true);
        awaitEmpty();
        assertThat(sequences(service)).containsExactly(1L, 2L);
    }

    @Test
    void allGoesOverOneConnection() throws IOException {
        AtomicInteger number = new AtomicInteger();
        FakeService service = service().answering(request -> switch (number.incrementAndGet() % 7) {
            case 1 -> FakeService.Answer.of(503);
            case 2 -> FakeService.Answer.of(400);
            case 3 -> new FakeService.Answer(404, Map.of(), "x".repeat(20_000));
            default -> FakeService.STORED;
        });
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 40);
        awaitEmpty();
        assertThat(service.requests()).hasSizeGreaterThan(50);
        assertThat(service.requests().stream().map(FakeService.Request::clientPort).distinct()).hasSize(1);
    }

    @Test
    void aServiceThatStartsAnewBetweenTwoBatchesIsNoFailure() throws IOException {
        FakeService first = FakeService.start(signal::changed);
        Shipper shipper = shipper(first.url());
        shipper.add(batch(1), false);
        await("it is sent", () -> shipper.counts().batchesSent() == 1);
        first.close();
        FakeService second = closed(FakeService.startAt(first.port(), signal::changed));
        shipper.add(batch(2), false);
        await("it is sent", () -> shipper.counts().batchesSent() == 2);
        assertThat(sequences(second)).containsExactly(2L);
        assertThat(shipper.counts().failures()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 401, 403, 404, 405, 429, 500, 502, 503})
    void whatIsNotTakenNowIsKept(int status) throws IOException {
        AtomicInteger number = new AtomicInteger();
        FakeService service = service();
        service.answering(request -> number.incrementAndGet() <= 3
                ? new FakeService.Answer(status, Map.of("Location", service.url() + "/elsewhere"), "{}")
                : FakeService.STORED);
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 3);
        awaitEmpty();
        assertThat(sequences(service)).containsExactly(0L, 0L, 0L, 0L, 1L, 2L);
        assertThat(service.paths()).containsOnly("/v1/batches");
        assertThat(shipper.counts().failures()).isEqualTo(3);
        assertThat(shipper.counts().batchesRefused()).isZero();
        assertThat(timesLogged("service_unavailable cause=\"/v1/batches status=" + status)).isEqualTo(1);
        assertThat(timesLogged("service_recovered")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 413, 415, 422})
    void whatWouldNeverBeTakenIsDropped(int status) throws IOException {
        FakeService service = service().answering(request -> sequence(request) < 2
                ? FakeService.Answer.of(status)
                : FakeService.STORED);
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 4);
        awaitEmpty();
        await("all are counted", () -> shipper.counts().batchesSent() == 2);
        assertThat(sequences(service)).isEqualTo(numbers(0, 4));
        assertThat(shipper.counts().batchesRefused()).isEqualTo(2);
        assertThat(shipper.counts().failures()).isZero();
        assertThat(timesLogged("batch_refused status=" + status + " response={\"error\":\"e" + status)).isEqualTo(1);
        assertThat(timesLogged("batches_recovered refused=2")).isEqualTo(1);
    }

    @Test
    void refusedReadingsAreCountedAndSaidOnce() throws IOException {
        FakeService service = service().answering(request -> sequence(request) == 3
                ? FakeService.STORED
                : new FakeService.Answer(200, Map.of(),
                        "{\"status\":\"stored\",\"version\":1,\"refused_count\":2,\"refused\":["
                                + "{\"job_id\":\"1\",\"cause\":\"the time \\\"cause\\\": is\"},"
                                + "{\"job_id\":\"2\",\"cause\":\"over\"}]}"));
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 4);
        await("all are counted", () -> shipper.counts().batchesSent() == 4);
        assertThat(shipper.counts().readingsRefused()).isEqualTo(6);
        assertThat(timesLogged("readings_refused readings=2")).isEqualTo(1);
        assertThat(timesLogged("readings_recovered refused=6")).isEqualTo(1);
    }

    @Test
    void retryAfterIsRespected() throws IOException {
        AtomicInteger number = new AtomicInteger();
        FakeService service = service().answering(request -> number.incrementAndGet() == 1
                ? new FakeService.Answer(429, Map.of("Retry-After", "1"), "{}")
                : FakeService.STORED);
        shipper(service.url()).add(batch(1), true);
        awaitEmpty();
        assertThat(Duration.ofNanos(service.requests().get(1).atNanos() - service.requests().get(0).atNanos()))
                .isGreaterThan(Duration.ofMillis(990));
    }

    @Test
    void whatComesWhileTheServiceIsAwayIsSentInOrderOnceItIsBack() throws IOException {
        FakeService first = FakeService.start(signal::changed);
        first.close();
        Shipper shipper = shipper(first.url());
        add(shipper, 0, 50);
        await("it has failed some times", () -> shipper.counts().failures() > 5);
        assertThat(shipper.counts().unavailableSince()).isEqualTo(CLOCK.instant());
        FakeService second = closed(FakeService.startAt(first.port(), signal::changed));
        awaitEmpty();
        await("it is counted", () -> shipper.counts().batchesSent() == 50);
        assertThat(sequences(second)).isEqualTo(numbers(0, 50));
        assertThat(shipper.counts().unavailableSince()).isNull();
        assertThat(timesLogged("service_unavailable")).isEqualTo(1);
        assertThat(timesLogged("service_recovered away=PT0S failures=")).isEqualTo(1);
    }

    @Test
    void aQueueIsSentWithPauses() throws IOException {
        FakeService service = service();
        Timing timing = quick(Duration.ofMillis(40), Duration.ofSeconds(8));
        Shipper shipper = shipper(new Destination(service.url(), null, null), NO_JITTER, timing, new Random(1));
        add(shipper, 0, 20);
        awaitEmpty();
        List<FakeService.Request> requests = service.requests();
        assertThat(Duration.ofNanos(requests.getLast().atNanos() - requests.getFirst().atNanos()))
                .isGreaterThan(Duration.ofMillis(19 * 20));
    }

    @Test
    void whatIsUrgentGoesAheadOfAQueue() throws IOException {
        FakeService first = FakeService.start(signal::changed);
        first.close();
        Shipper shipper = shipper(first.url());
        add(shipper, 0, 30);
        shipper.add(batch(30), true);
        shipper.add(batch(31), true);
        long failures = shipper.counts().failures();
        await("they were tried", () -> shipper.counts().failures() > failures + 1);
        FakeService second = closed(FakeService.startAt(first.port(), signal::changed));
        awaitEmpty();
        assertThat(sequences(second)).startsWith(30L, 31L, 0L, 1L).endsWith(29L, 30L, 31L).hasSize(34);
    }

    @Test
    void aBatchOnWhichTheServiceAlwaysFailsDoesNotHoldUpTheOthers() throws IOException {
        FakeService service = service().answering(request -> sequence(request) == 1
                ? FakeService.Answer.of(500)
                : FakeService.STORED);
        Shipper shipper = unstarted(service.url());
        add(shipper, 0, 5);
        shipper.start();
        awaitEmpty();
        assertThat(sequences(service)).startsWith(0L, 1L, 1L, 1L, 1L, 1L, 4L, 1L).endsWith(2L, 3L, 4L);
        assertThat(shipper.counts().batchesRefused()).isEqualTo(1);
        assertThat(timesLogged("batch_refused the service fails on it")).isEqualTo(1);
    }

    @Test
    void aServiceThatFailsOnEverythingCostsNothing() throws IOException {
        AtomicInteger number = new AtomicInteger();
        FakeService service = service().answering(request -> number.incrementAndGet() <= 30
                ? FakeService.Answer.of(500)
                : FakeService.STORED);
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 5);
        awaitEmpty();
        assertThat(shipper.counts().batchesRefused()).isZero();
        assertThat(sequences(service).subList(30, sequences(service).size())).contains(0L, 1L, 2L, 3L, 4L);
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "",
            "HTTP/1.1 200 OK\r\nX-Drip: drip drip drip drip drip drip drip drip drip drip drip drip drip drip\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{ drip drip drip drip drip drip drip drip drip drip",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n drip drip drip drip drip drip drip drip",
            "this is not HTTP at all\r\n\r\n"})
    void noAnswerHoldsItForLong(String answer) throws IOException {
        RawService service = closed(new RawService(answer, 10, signal::changed));
        Shipper shipper = shipper(new Destination(service.url(), null, null), NO_JITTER,
                quick(Duration.ofMillis(4), Duration.ofMillis(160)), new Random(1));
        shipper.add(batch(1), true);
        await("it gave up twice", () -> shipper.counts().failures() >= 2);
        assertThat(shipper.counts().batchesSent()).isZero();
        assertThat(spool.depth().batches()).isEqualTo(1);
    }

    @Test
    void theTokenIsReadAgainWhenItsFileChanges() throws IOException {
        FakeService service = service();
        Path token = temp.resolve("token");
        Shipper shipper = shipper(new Destination(service.url(), token, null), NO_JITTER, QUICK, new Random(1));
        add(shipper, 0, 2);
        await("they are sent", () -> shipper.counts().batchesSent() == 2);
        Files.writeString(token, "one\r\n");
        Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r--r--"));
        add(shipper, 2, 3);
        await("it is sent", () -> shipper.counts().batchesSent() == 3);
        Files.move(Files.writeString(temp.resolve("new"), "two"), token,
                StandardCopyOption.REPLACE_EXISTING);
        add(shipper, 3, 4);
        await("it is sent", () -> shipper.counts().batchesSent() == 4);
        Files.writeString(token, "not\u0000a token\n");
        add(shipper, 4, 6);
        await("they are sent", () -> shipper.counts().batchesSent() == 6);
        assertThat(service.requests().stream().map(request -> request.header("Authorization"))).containsExactly(null,
                null, "Bearer one", "Bearer two", null, null);
        assertThat(timesLogged("token_unusable")).isEqualTo(2);
        assertThat(timesLogged("token_exposed file=" + token + " cause=\"all users may read or write it")).isPositive();
        assertThat(log()).doesNotContain("not?a token");
    }

    @Test
    void overTlsOnlyWhomTheSiteVouchesForIsSpokenTo() throws Exception {
        FakeService service = closed(FakeService.startTls(certificate("right", "ip:127.0.0.1"), signal::changed));
        FakeService another = closed(
                FakeService.startTls(certificate("wrong", "dns:elsewhere.example.org"), signal::changed));
        Shipper shipper = shipper(new Destination(tls(service), null, temp.resolve("right.pem")), NO_JITTER, QUICK,
                new Random(1));
        shipper.add(batch(1), true);
        awaitEmpty();
        shipper.close();
        assertThat(sequences(service)).containsExactly(1L);

        for (Destination untrusted : List.of(new Destination(tls(service), null, temp.resolve("wrong.pem")),
                new Destination(tls(another), null, temp.resolve("wrong.pem")),
                new Destination(tls(service), null, null),
                new Destination(tls(service), null, temp.resolve("missing.pem")),
                new Destination(tls(service), null, temp.resolve("queue/lock")))) {
            Shipper careful = shipper(untrusted, NO_JITTER, QUICK, new Random(1));
            careful.add(batch(2), true);
            await("it failed", () -> careful.counts().failures() > 1);
            careful.close();
            assertThat(careful.counts().batchesSent()).isZero();
        }
        assertThat(service.requests()).hasSize(1);
        assertThat(another.requests()).isEmpty();
        assertThat(timesLogged("is not signed by a CA that is trusted here; JOBWITNESS_CA_FILE names them"))
                .isPositive();
    }

    @Test
    void anExpiredCertificateIsNamedAsSuch() throws Exception {
        certificate("ca", "dns:ca");
        certificate("old", "ip:127.0.0.1");
        List<String> old = List.of("-alias", "old", "-keystore", temp.resolve("old.p12").toString(), "-storepass",
                "secret");
        keytool(with(old, "-certreq", "-file", temp.resolve("csr").toString()));
        keytool("-gencert", "-alias", "ca", "-keystore", temp.resolve("ca.p12").toString(), "-storepass", "secret",
                "-rfc",
                "-infile", temp.resolve("csr").toString(), "-outfile", temp.resolve("signed").toString(), "-ext",
                "san=ip:127.0.0.1", "-startdate", "-30d", "-validity", "10");
        Path chain = Files.writeString(temp.resolve("chain"), Files.readString(temp.resolve("signed"))
                + Files.readString(temp.resolve("ca.pem")));
        keytool(with(old, "-importcert", "-noprompt", "-file", chain.toString()));
        FakeService service = closed(FakeService.startTls(tlsOf(temp.resolve("old.p12")), signal::changed));
        Shipper shipper = shipper(new Destination(tls(service), null, temp.resolve("ca.pem")), NO_JITTER, QUICK,
                new Random(1));
        shipper.add(batch(1), true);
        await("it is logged", () -> timesLogged("the server's certificate has expired") > 0);
        assertThat(service.requests()).isEmpty();
    }

    private static String[] with(List<String> some, String... more) {
        return Stream.concat(Stream.of(more), some.stream()).toArray(String[]::new);
    }

    private static URI tls(FakeService service) {
        return URI.create("https://127.0.0.1:" + service.port());
    }

    private SSLContext certificate(String name, String host) throws Exception {
        Path store = temp.resolve(name + ".p12");
        keytool("-genkeypair", "-alias", name, "-keyalg", "EC", "-dname", "CN=" + name, "-ext", "san=" + host, "-ext",
                "bc:c",
                "-keystore", store.toString(), "-storepass", "secret");
        keytool("-exportcert", "-rfc", "-alias", name, "-keystore", store.toString(), "-storepass", "secret", "-file",
                temp.resolve(name + ".pem").toString());
        return tlsOf(store);
    }

    private static SSLContext tlsOf(Path store) throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, "secret".toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, "secret".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }

    private static void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/keytool"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
    }

    @Test
    void closingSendsWhatWaits() throws IOException {
        FakeService service = service();
        Shipper shipper = shipper(new Destination(service.url(), null, null), Duration.ofDays(1), UNHURRIED,
                new Random(1));
        add(shipper, 0, 3);
        shipper.close();
        assertThat(sequences(service)).containsExactly(0L, 1L, 2L);
        assertThat(spool.depth().batches()).isZero();
    }

    @Test
    void closingDoesNotWaitForAServiceThatHangs() throws IOException {
        RawService service = closed(new RawService("", 0, signal::changed));
        Shipper shipper = shipper(new Destination(service.url(), null, null), NO_JITTER, Timing.STANDARD,
                new Random(1));
        shipper.add(batch(1), true);
        await("it is being sent", () -> service.accepted() > 0);
        long before = System.nanoTime();
        shipper.close();
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isBetween(Duration.ofMillis(1900),
                Timing.STANDARD.readTimeout().dividedBy(2));
        assertThat(spool.depth().batches()).isEqualTo(1);
    }

    @Test
    void anAddressThatIsNoneIsRefusedAtTheStart() {
        for (String url : List.of("localhost:8080", "ftp://h/", "http:///path", "http://user:pw@h/", "http://h/?a=b")) {
            assertThatThrownBy(() -> new Destination(URI.create(url), null, null)).as(url)
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining(url);
        }
    }

    // --- the scripts' events ------------------------------------------------------------------------------------------

    private Path event(String name, String id) throws IOException {
        Path written = Files.writeString(events.resolve(".tmp-" + name),
                "{\"event_id\":\"" + id + "\",\"job_id\":\"57\"}\n");
        return Files.move(written, events.resolve(name));
    }

    @Test
    void anEventThatItsScriptCouldNotSendIsSentUnchanged() throws IOException {
        FakeService service = service();
        Shipper shipper = shipper(service.url());
        event("1795384829-57-started-16076.json", "n1-57-started-1795384829-16076");
        event("1795384830-57-finished-16099.json", "n1-57-finished-1795384830-16099");
        shipper.eventsChanged();
        await("they are sent", () -> shipper.counts().eventsSent() == 2);
        FakeService.Request start = service.requests().getFirst();
        assertThat(start.path()).isEqualTo("/v1/events/job-started");
        assertThat(start.body())
                .isEqualTo("{\"event_id\":\"n1-57-started-1795384829-16076\",\"job_id\":\"57\"}\n");
        assertThat(start.header("X-Source")).isEqualTo("slurm-prolog");
        assertThat(start.header("X-Changed-By")).isEqualTo("slurm");
        assertThat(start.header("X-Correlation-Id")).isEqualTo("n1-57-started-1795384829-16076");
        assertThat(start.header("Content-Type")).isEqualTo("application/json");
        assertThat(start.header("Content-Encoding")).isNull();
        FakeService.Request end = service.requests().getLast();
        assertThat(end.path()).isEqualTo("/v1/events/job-finished");
        assertThat(end.header("X-Source")).isEqualTo("slurm-epilog");
    }

    @Test
    void anEventIsSentOnceAndItsFileIsLeftToTheScripts() throws IOException {
        FakeService service = service().answering(request -> request.body().contains("refused")
                ? FakeService.Answer.of(400)
                : FakeService.STORED);
        Path sent = event("1795384829-57-started-1.json", "sent");
        Path refused = event("1795384829-58-started-1.json", "refused");
        Shipper shipper = shipper(service.url());
        await("both are settled", () -> shipper.counts().eventsSent() + shipper.counts().eventsRefused() == 2);
        for (int i = 2; i < 6; i++) {
            int number = i;
            event("179538483" + i + "-57-finished-1.json", "later" + i);
            shipper.eventsChanged();
            await("it is sent", () -> shipper.counts().eventsSent() == number);
        }
        assertThat(service.requests()).hasSize(6);
        assertThat(shipper.counts().eventsRefused()).isEqualTo(1);
        assertThat(timesLogged("event_refused file=1795384829-58-started-1.json status=400")).isEqualTo(1);
        assertThat(sent).exists();
        assertThat(refused).exists();
    }

    @Test
    void itsScriptHasTimeToSendAnEventItself() throws IOException {
        CountDownLatch isSent = new CountDownLatch(1);
        FakeService service = service().answering(request -> {
            try {
                isSent.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return FakeService.STORED;
        });
        Shipper shipper = unstarted(service.url());
        Path quick = event("1795384829-57-started-1.json", "quick");
        shipper.add(batch(1), true);
        shipper.start();
        await("it has seen the event, and waits for its answer", () -> service.requests().size() == 1);
        Files.delete(quick);
        isSent.countDown();
        long made = System.nanoTime();
        event("1795384829-58-started-1.json", "slow");
        shipper.eventsChanged();
        await("the other is sent", () -> shipper.counts().eventsSent() == 1);
        assertThat(service.paths()).containsExactly("/v1/batches", "/v1/events/job-started");
        assertThat(service.requests().getLast().body()).contains("slow");
        assertThat(Duration.ofNanos(service.requests().getLast().atNanos() - made))
                .isGreaterThanOrEqualTo(QUICK.scriptTimeout().minusMillis(1));
    }

    /** Between writing its event and giving it its name. A later script gives it that. */
    @Test
    void whatAKilledScriptLeftIsSentOnceIfItIsWhole() throws IOException {
        FakeService service = service();
        Path draft = Files.writeString(events.resolve(".tmp-1795384829-57-finished-1.json"),
                "{\"event_id\":\"killed\",\"job_id\":\"57\"}\n");
        Files.writeString(events.resolve(".tmp-1795384829-58-finished-1.json"), "{\"event_id\":\"cut\",\"job");
        long made = System.nanoTime();
        Shipper shipper = shipper(service.url());
        await("it is sent", () -> shipper.counts().eventsSent() == 1);
        Files.move(draft, events.resolve("1795384829-57-finished-1.json"));
        event("1795384830-59-finished-1.json", "next");
        shipper.eventsChanged();
        await("the next one is, too", () -> shipper.counts().eventsSent() == 2);
        assertThat(service.requests()).extracting(FakeService.Request::body)
                .satisfiesExactly(body -> assertThat(body).contains("killed"),
                        body -> assertThat(body).contains("next"));
        assertThat(Duration.ofNanos(service.requests().getFirst().atNanos() - made))
                .isGreaterThanOrEqualTo(QUICK.draftTimeout().minusMillis(1));
        assertThat(timesLogged("event_invalid")).isEqualTo(1);
    }

    @Test
    void eventsAreFoundWithoutBeingTold() throws IOException {
        FakeService service = service();
        Files.delete(events);
        Shipper shipper = shipper(service.url());
        shipper.add(batch(1), true);
        await("it is sent", () -> shipper.counts().batchesSent() == 1);
        Files.createDirectory(events);
        event("1795384829-57-started-1.json", "found");
        await("it is sent", () -> shipper.counts().eventsSent() == 1);
        assertThat(log()).isEmpty();
    }

    @Test
    void eventsGoBeforeBatchesAndTheOldestFirst() throws IOException {
        FakeService service = service();
        event("1795384831-3-started-1.json", "third");
        event("1795384829-9-started-1.json", "first");
        event("1795384830-1-finished-1.json", "second");
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 100);
        awaitEmpty();
        List<FakeService.Request> requests = service.requests();
        assertThat(requests).hasSize(103);
        int first = service.paths().indexOf("/v1/events/job-started");
        assertThat(first).isLessThan(90);
        assertThat(requests.subList(first, first + 3).stream().map(FakeService.Request::body)
                .map(body -> body.replaceAll(".*event_id\":\"([a-z]+).*\n", "$1")))
                .containsExactly("first", "second", "third");
    }

    /** However often they have failed: by one batch it is found that the service is back. */
    @Test
    void eventsThatFailedWhileTheServiceWasAwayGoBeforeAllBatchesButOne() throws IOException {
        AtomicInteger number = new AtomicInteger();
        List<String> taken = new CopyOnWriteArrayList<>();
        FakeService service = service().answering(request -> {
            if (number.incrementAndGet() <= 30) {
                return FakeService.Answer.of(503);
            }
            taken.add(request.path());
            return FakeService.STORED;
        });
        event("1795384829-1-started-1.json", "first");
        event("1795384829-2-started-1.json", "second");
        event("1795384829-3-started-1.json", "third");
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 10);
        awaitEmpty();
        await("all are sent", () -> shipper.counts().eventsSent() == 3);
        assertThat(taken).hasSize(13);
        assertThat(taken.subList(4, 13)).containsOnly("/v1/batches");
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 503})
    void eventsThatFailWithoutTheServiceBeingAwayHoldUpNoBatch(int status) throws IOException {
        FakeService service = service().answering(request -> request.body().contains("poison")
                ? FakeService.Answer.of(status)
                : FakeService.STORED);
        for (int job = 1; job <= 4; job++) {
            event("1795384829-" + job + "-started-1.json", "poison");
        }
        Shipper shipper = shipper(new Destination(service.url(), null, null), NO_JITTER, LONG_BACKOFF, new Random(1));
        add(shipper, 0, 20);
        await("the first is sent", () -> shipper.counts().batchesSent() >= 1);
        awaitEmpty();
        assertThat(service.paths().stream().filter(path -> path.startsWith("/v1/events/"))).hasSizeLessThan(40);
    }

    @Test
    void anEventOnWhichTheServiceAlwaysFailsHoldsUpNothing() throws IOException {
        FakeService service = service().answering(request -> request.body().contains("poison")
                ? FakeService.Answer.of(500)
                : FakeService.STORED);
        event("1795384829-1-started-1.json", "poison");
        event("1795384829-2-started-1.json", "fine");
        Shipper shipper = shipper(service.url());
        add(shipper, 0, 3);
        awaitEmpty();
        await("the other is sent", () -> shipper.counts().eventsSent() == 1);
        assertThat(shipper.counts().eventsRefused()).isZero();
    }

    /** Anybody may put events of any job into a folder that all may write; prolog and epilog use none such. */
    @ParameterizedTest
    @ValueSource(strings = {"", "events"})
    void nothingIsSentOfASpoolThatOthersMayWrite(String writable) throws IOException {
        FakeService service = service();
        Path open = temp.resolve(writable).normalize();
        Set<PosixFilePermission> before = Files.getPosixFilePermissions(open);
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path event = event("1795384829-57-started-1.json", "forged");
        Shipper shipper = shipper(service.url());
        await("it is counted", () -> shipper.counts().eventsUntrusted() == 1);
        shipper.add(batch(1), true);
        awaitEmpty();
        assertThat(service.paths()).containsExactly("/v1/batches");
        assertThat(event).exists();
        await("a second listing", () -> shipper.counts().batchesSent() == 1);
        assertThat(
                timesLogged("events_untrusted cause=\"" + open + ": its group or all users may write it (mode 0777)"))
                .isEqualTo(1);
        Files.setPosixFilePermissions(open, before);
        await("it is sent", () -> shipper.counts().eventsSent() == 1);
        await("it is not counted", () -> shipper.counts().eventsUntrusted() == 0);
        assertThat(timesLogged("events_recovered")).isEqualTo(1);
    }

    @Test
    void anEventThatOthersMayWriteIsLeftThere() throws IOException {
        FakeService service = service();
        Path event = event("1795384829-57-started-1.json", "open");
        Files.setPosixFilePermissions(event, PosixFilePermissions.fromString("rw-rw-r--"));
        event("1795384829-58-started-1.json", "good");
        Shipper shipper = shipper(service.url());
        await("the other is sent", () -> shipper.counts().eventsSent() == 1);
        assertThat(service.requests()).singleElement().satisfies(one -> assertThat(one.body()).contains("good"));
        assertThat(shipper.counts().eventsUntrusted()).isEqualTo(1);
        assertThat(timesLogged("event_untrusted file=" + event)).isEqualTo(1);
        Files.setPosixFilePermissions(event, PosixFilePermissions.fromString("rw-r--r--"));
        await("it is sent", () -> shipper.counts().eventsSent() == 2);
        assertThat(shipper.counts().eventsUntrusted()).isZero();
    }

    @Test
    void anEventOfAnotherUserIsLeftThere() throws IOException {
        FakeService service = service();
        ForeignUser.own(event("1795384829-57-started-1.json", "forged"));
        Shipper shipper = shipper(service.url());
        await("it is counted", () -> shipper.counts().eventsUntrusted() == 1);
        assertThat(service.requests()).isEmpty();
        assertThat(timesLogged("cause=\"it belongs to the user with uid " + ForeignUser.UID)).isEqualTo(1);
    }

    @Test
    void whatIsNoEventIsLeftAlone() throws IOException {
        FakeService service = service();
        Path secret = Files.writeString(temp.resolve("secret"), "{\"event_id\":\"secret\"}");
        Files.createSymbolicLink(events.resolve("1795384829-1-started-1.json"), secret);
        Files.createDirectory(events.resolve("1795384829-2-started-1.json"));
        Files.writeString(events.resolve("1795384829-3-started-1.json"), "{\"job_id\":\"57\"}");
        Files.writeString(events.resolve("1795384829-4-started-1.json"),
                "{\"event_id\":\"big\"," + " ".repeat(64 << 10) + "}");
        event(".1795384829-5-started-1.json", "hidden");
        event("1795384829-6-paused-1.json", "paused");
        event("1795384829-7-started-1.json.bak", "bak");
        event("1795384829-8-started-1.json", "bad id\\u000a");
        Shipper shipper = shipper(service.url());
        await("the one event is sent", () -> shipper.counts().eventsSent() == 1);
        shipper.add(batch(1), true);
        awaitEmpty();
        assertThat(service.paths()).containsExactly("/v1/events/job-started", "/v1/batches");
        assertThat(service.requests().getFirst().body()).contains("bad id");
        assertThat(service.requests().getFirst().header("X-Correlation-Id")).isNull();
        assertThat(timesLogged("event_invalid")).isEqualTo(4);
    }
}
