package org.jobwitness.agent.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.agent.ForeignUser;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes in comes out, in order, whatever happens to the process and to the disk. */
class BatchSpoolTest {
    private static final Duration WEEK = Duration.ofDays(7);
    private static final long ENOUGH = 64 << 20;

    @TempDir
    Path temp;
    private final ByteArrayOutputStream logged = new ByteArrayOutputStream();
    private final Log log = new Log(new PrintStream(logged, true, StandardCharsets.UTF_8));
    private Instant now = Instant.parse("2026-11-23T08:00:00Z");
    private long nanos;
    private final NodeClock clock = new NodeClock(() -> now, () -> nanos);

    private void pass(Duration time) {
        now = now.plus(time);
        nanos += time.toNanos();
    }

    private BatchSpool spool(Path folder) {
        return new BatchSpool(folder, ENOUGH, WEEK, clock, log);
    }

    private static List<Integer> takeAll(BatchSpool spool) {
        List<Integer> numbers = new ArrayList<>();
        for (Optional<Item> item = spool.oldest(); item.isPresent(); item = spool.oldest()) {
            numbers.add(SpoolProcess.number(item.get().body()));
            spool.remove(item.get());
        }
        return numbers;
    }

    private static void put(BatchSpool spool, int first, int behindLast) {
        IntStream.range(first, behindLast).forEach(number -> spool.put(SpoolProcess.body(number)));
    }

    private static List<Integer> numbers(int first, int behindLast) {
        return IntStream.range(first, behindLast).boxed().toList();
    }

    private List<Path> segments(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".segment")).sorted().toList();
        }
    }

    private long timesLogged(String event) {
        return logged.toString(StandardCharsets.UTF_8).lines().filter(line -> line.contains(event)).count();
    }

    @Test
    void whatIsLeftIsThereAfterARestart() {
        Path folder = temp.resolve("new/queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 200);
        }
        try (BatchSpool spool = spool(folder)) {
            assertThat(spool.depth().batches()).isEqualTo(200);
            assertThat(spool.depth().oldest()).isEqualTo(now);
            put(spool, 200, 250);
            assertThat(takeAll(spool)).isEqualTo(numbers(0, 250));
            assertThat(spool.depth()).isEqualTo(new Depth(0, 0, null, 0, 0, 0, 0, 0));
        }
        assertThat(logged.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void filesGoWhenAllInThemIsAcknowledged() throws IOException {
        try (BatchSpool spool = spool(temp.resolve("queue"))) {
            put(spool, 0, 200);
            int before = segments(temp.resolve("queue")).size();
            assertThat(before).isGreaterThan(3);
            for (int i = 0; i < 199; i++) {
                spool.remove(spool.oldest().orElseThrow());
            }
            assertThat(segments(temp.resolve("queue"))).hasSize(1);
            spool.remove(spool.oldest().orElseThrow());
            assertThat(segments(temp.resolve("queue"))).isEmpty();
        }
    }

    @Test
    void theOldestIsTheSameUntilItIsRemovedAndIsRemovedOnce() {
        try (BatchSpool spool = spool(temp.resolve("queue"))) {
            put(spool, 0, 3);
            Item first = spool.oldest().orElseThrow();
            assertThat(spool.oldest()).containsSame(first);
            spool.remove(first);
            spool.remove(first);
            assertThat(takeAll(spool)).isEqualTo(numbers(1, 3));
        }
    }

    @Test
    void anyOrderOfPuttingTakingAndStartingAnewKeepsTheOrder() {
        for (int seed = 0; seed < 40; seed++) {
            Path folder = temp.resolve("seed" + seed);
            Random random = new Random(seed);
            BatchSpool spool = spool(folder);
            int put = 0;
            int removed = 0;
            for (int step = 0; step < 150; step++) {
                switch (random.nextInt(12)) {
                    case 0 -> {
                        spool.close();
                        spool = spool(folder);
                        int again = spool.oldest().map(item -> SpoolProcess.number(item.body())).orElse(put);
                        assertThat(again).as("seed %d", seed).isBetween(removed - 64, removed);
                        removed = again;
                    }
                    case 1 -> spool.force();
                    case 2, 3, 4, 5 -> {
                        Optional<Item> oldest = spool.oldest();
                        assertThat(oldest.isPresent()).isEqualTo(removed < put);
                        if (oldest.isPresent()) {
                            assertThat(SpoolProcess.number(oldest.get().body())).as("seed %d", seed)
                                    .isEqualTo(removed++);
                            spool.remove(oldest.get());
                        }
                    }
                    default -> spool.put(SpoolProcess.body(put++));
                }
                assertThat(spool.depth().batches()).isEqualTo(put - removed);
            }
            assertThat(takeAll(spool)).as("seed %d", seed).isEqualTo(numbers(removed, put));
            spool.close();
        }
    }

    @Test
    void oneByteThatChangedCostsOneBodyAtMost() throws IOException {
        byte[] sound = threeRecords();
        for (int at = 0; at < sound.length; at++) {
            byte[] flipped = sound.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            assertOneIsMissing(flipped, "byte " + at + " changed");
        }
        assertThat(timesLogged("spool_damaged")).isEqualTo(sound.length);
    }

    private byte[] threeRecords() throws IOException {
        Path folder = temp.resolve("sound");
        try (BatchSpool spool = spool(folder)) {
            List.of("first", "second", "third").forEach(text -> spool.put(text.getBytes(StandardCharsets.US_ASCII)));
        }
        return Files.readAllBytes(segments(folder).getFirst());
    }

    private void assertOneIsMissing(byte[] segment, String what) throws IOException {
        List<String> texts = read(segment, what, 1);
        assertThat(texts).as(what).hasSize(2);
        assertThat(List.of("first", "second", "third")).as(what).containsSubsequence(texts);
    }

    private List<String> read(byte[] segment, String what, int damaged) throws IOException {
        Path folder = Files.createDirectories(temp.resolve("damaged"));
        Files.write(folder.resolve("0000000000000007.segment"), segment);
        List<String> texts = new ArrayList<>();
        try (BatchSpool spool = spool(folder)) {
            assertThat(spool.depth().damaged()).as(what).isEqualTo(damaged);
            spool.put("next".getBytes(StandardCharsets.US_ASCII));
            for (Optional<Item> item = spool.oldest(); item.isPresent(); item = spool.oldest()) {
                texts.add(new String(item.get().body(), StandardCharsets.US_ASCII));
                spool.remove(item.get());
            }
            assertThat(spool.depth().damaged()).as(what).isEqualTo(damaged);
        }
        assertThat(texts.removeLast()).as(what).isEqualTo("next");
        assertThat(segments(folder)).as(what).isEmpty();
        return texts;
    }

    @Test
    void aTornEndCostsTheBodyThatWasBeingWritten() throws IOException {
        byte[] sound = threeRecords();
        int second = 20 + "first".length();
        int third = second + 20 + "second".length();
        for (int length = 0; length < sound.length; length++) {
            byte[] torn = Arrays.copyOf(sound, length);
            boolean isWhole = length == 0 || length == second || length == third;
            assertThat(read(torn, "torn at " + length, isWhole ? 0 : 1)).as("torn at %d", length)
                    .hasSize(length < second ? 0 : length < third ? 1 : 2);
        }
    }

    @Test
    void damageThatComesLaterIsPassedOver() throws IOException {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 5);
            assertThat(SpoolProcess.number(spool.oldest().orElseThrow().body())).isZero();
            byte[] bytes = Files.readAllBytes(segments(folder).getFirst());
            bytes[20 + SpoolProcess.body(0).length + 30] ^= 1;
            Files.write(segments(folder).getFirst(), bytes);
            assertThat(takeAll(spool)).containsExactly(0, 2, 3, 4);
            assertThat(spool.depth().damaged()).isEqualTo(1);
            put(spool, 5, 10);
            Files.delete(segments(folder).getFirst());
            put(spool, 10, 12);
            assertThat(takeAll(spool)).as("those of the file that somebody deleted are gone").containsExactly(10, 11);
        }
    }

    @Test
    void whatIsTooOldGoesSegmentBySegment() throws IOException {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 100);
            Item first = spool.oldest().orElseThrow();
            assertThat(segments(folder)).hasSize(3);
            pass(WEEK.plusSeconds(1));
            put(spool, 100, 101);
            assertThat(segments(folder)).as("the last one also has what was put now").hasSize(1);
            spool.remove(first);
            assertThat(spool.depth().batches() + spool.depth().tooOld()).isEqualTo(101);
            pass(WEEK.plusSeconds(1));
            assertThat(spool.oldest()).isEmpty();
            assertThat(spool.depth().tooOld()).isEqualTo(101);
            assertThat(segments(folder)).isEmpty();
            assertThat(timesLogged("spool_dropped cause=too_old")).isEqualTo(1);
        }
    }

    /** An administrator, a wrong NTP server or a new mainboard may set a host's clock to any time. */
    @ParameterizedTest
    @ValueSource(longs = {400, -400})
    void aClockThatIsSetDeletesNothing(long days) {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 100);
            now = now.plus(Duration.ofDays(days));
            put(spool, 100, 101);
            assertThat(spool.depth().batches()).isEqualTo(101);
        }
        for (int start = 0; start < 10; start++) {
            now = now.plus(Duration.ofDays(days));
            nanos = 4711; // of another boot
            try (BatchSpool spool = spool(folder)) {
                put(spool, 101 + start, 102 + start);
                assertThat(spool.depth().batches()).isEqualTo(102 + start);
                assertThat(spool.depth().tooOld()).isZero();
            }
            now = now.minus(Duration.ofDays(days));
        }
    }

    @Test
    void whatAnEarlierProcessLeftGrowsOld() {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 10);
        }
        pass(Duration.ofHours(20));
        nanos = 4711; // of another boot
        try (BatchSpool spool = spool(folder)) {
            pass(WEEK.minusHours(21));
            assertThat(spool.oldest()).isPresent();
            pass(Duration.ofHours(2));
            assertThat(spool.oldest()).isEmpty();
            assertThat(spool.depth().tooOld()).isEqualTo(10);
        }
    }

    @Test
    void whenThereIsTooMuchTheOldestGoes() {
        long most = 300_000;
        try (BatchSpool spool = new BatchSpool(temp.resolve("queue"), most, WEEK, clock, log)) {
            put(spool, 0, 100);
            Item first = spool.oldest().orElseThrow();
            put(spool, 100, 1000);
            assertThat(spool.depth().bytes()).isBetween(most - 100_000, most);
            spool.remove(first);
            List<Integer> left = takeAll(spool);
            assertThat(left).isEqualTo(numbers(left.getFirst(), 1000));
            assertThat(spool.depth().tooMuch()).isEqualTo(left.getFirst().longValue());
            assertThat(timesLogged("spool_dropped cause=too_much")).isEqualTo(1);
            assertThat(timesLogged("spool_recovered")).isEqualTo(1);
        }
    }

    @Test
    void aBodyThatNoServiceWouldTakeIsNotKept() {
        try (BatchSpool spool = spool(temp.resolve("queue"))) {
            spool.put(new byte[Segment.MAX_BODY_BYTES + 1]);
            spool.put(new byte[Segment.MAX_BODY_BYTES]);
            assertThat(spool.depth().batches()).isEqualTo(1);
            assertThat(spool.oldest().orElseThrow().body()).hasSize(Segment.MAX_BODY_BYTES);
        }
    }

    @Test
    void withoutAFolderItWaitsInMemoryAndGoesToTheDiskInOrder() throws IOException {
        Path folder = Files.writeString(temp.resolve("queue"), "not a folder");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 20);
            assertThat(spool.depth().inMemory()).isEqualTo(20);
            Item first = spool.oldest().orElseThrow();
            Files.delete(folder);
            put(spool, 20, 21);
            assertThat(spool.depth().inMemory()).isZero();
            assertThat(spool.oldest()).containsSame(first);
            spool.remove(first);
            assertThat(takeAll(spool)).isEqualTo(numbers(1, 21));
            assertThat(timesLogged("spool_disk_failed")).isEqualTo(1);
            assertThat(timesLogged("spool_disk_recovered")).isEqualTo(1);
        }
    }

    @Test
    void whatAnEarlierLifeLeftComesBeforeWhatWaitsInMemory() throws IOException {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 10);
        }
        Files.move(folder, temp.resolve("elsewhere"));
        Files.writeString(folder, "not a folder");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 10, 20);
            Files.delete(folder);
            Files.move(temp.resolve("elsewhere"), folder);
            put(spool, 20, 21);
            assertThat(takeAll(spool)).isEqualTo(numbers(0, 21));
        }
    }

    @Test
    void memoryIsBoundedAndTheOldestGoes() throws IOException {
        try (BatchSpool spool = spool(Files.writeString(temp.resolve("queue"), "not a folder"))) {
            put(spool, 0, 5000);
            assertThat(spool.depth().bytes()).isBetween(BatchSpool.MAX_MEMORY_BYTES - 4000L,
                    (long) BatchSpool.MAX_MEMORY_BYTES);
            List<Integer> left = takeAll(spool);
            assertThat(left).isEqualTo(numbers(left.getFirst(), 5000));
            assertThat(spool.depth().tooMuch()).isEqualTo(left.getFirst().longValue());
            assertThat(spool.depth().bytes()).isZero();
        }
    }

    @Test
    void theFolderMayVanishUnderIt() throws IOException {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 3);
            Files.delete(segments(folder).getFirst());
            Files.delete(folder.resolve("lock"));
            Files.delete(folder);
            put(spool, 3, 6);
            assertThat(takeAll(spool)).isEqualTo(numbers(3, 6));
        }
    }

    @Test
    void nobodyElseMayLookIn() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("queue"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 1);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder))).isEqualTo("rwx------");
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files).hasSize(2).allSatisfy(file -> assertThat(
                        PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------"));
            }
        }
    }

    @Test
    void aLinkIsNotFollowed() throws IOException {
        Path elsewhere = Files.createDirectory(temp.resolve("elsewhere"));
        try (BatchSpool spool = spool(Files.createSymbolicLink(temp.resolve("queue"), elsewhere))) {
            put(spool, 0, 1);
            assertThat(spool.depth().inMemory()).isEqualTo(1);
            assertThat(elsewhere).isEmptyDirectory();
        }
    }

    @Test
    void aFolderOfAnotherUserIsNotUsed() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("queue"));
        assumeTrue(Files.getAttribute(folder, "unix:uid").equals(0), "only root can give a folder away");
        Files.setAttribute(folder, "unix:uid", 12345);
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 1);
            assertThat(spool.depth().inMemory()).isEqualTo(1);
        }
        Files.setAttribute(folder, "unix:uid", 0);
    }

    /** Put there while all could write the folder. */
    @Test
    void aFileOfAnotherUserIsLeftThere() throws IOException {
        Path folder = temp.resolve("queue");
        try (BatchSpool spool = spool(folder)) {
            put(spool, 0, 1);
        }
        ForeignUser.own(segments(folder).getFirst());
        try (BatchSpool spool = spool(folder)) {
            assertThat(spool.oldest()).isEmpty();
        }
        assertThat(segments(folder)).hasSize(1);
    }

    @Test
    void twoDoNotUseOneFolder() {
        Path folder = temp.resolve("queue");
        try (BatchSpool first = spool(folder)) {
            put(first, 0, 3);
            try (BatchSpool second = spool(folder)) {
                put(second, 3, 4);
                assertThat(second.depth().batches()).isEqualTo(1);
                assertThat(second.depth().inMemory()).isEqualTo(1);
            }
            assertThat(takeAll(first)).isEqualTo(numbers(0, 3));
        }
    }

    @Test
    void aFullDiskLosesNothingThatMemoryHolds() throws Exception {
        Path disk = Files.createDirectory(temp.resolve("disk"));
        assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk.toString()) == 0, "no tmpfs here");
        try (BatchSpool spool = spool(disk.resolve("queue"))) {
            put(spool, 0, 100);
            Depth full = spool.depth();
            assertThat(full.batches()).isEqualTo(100);
            assertThat(full.inMemory()).isBetween(30, 90);
            assertThat(timesLogged("spool_disk_failed")).isEqualTo(1);
            for (int number = 0; number < 50; number++) {
                Item item = spool.oldest().orElseThrow();
                assertThat(SpoolProcess.number(item.body())).isEqualTo(number);
                spool.remove(item);
            }
            put(spool, 100, 101);
            assertThat(spool.depth().inMemory()).isLessThan(full.inMemory());
            List<Integer> left = new ArrayList<>();
            for (int number = 101; spool.oldest().isPresent(); number++) {
                Item item = spool.oldest().orElseThrow();
                left.add(SpoolProcess.number(item.body()));
                spool.remove(item);
                if (number < 130) {
                    put(spool, number, number + 1);
                }
            }
            assertThat(left).isEqualTo(numbers(50, 130));
            put(spool, 130, 131);
            assertThat(spool.depth().inMemory()).isZero();
        } finally {
            assertThat(run("umount", disk.toString())).isZero();
        }
    }

    private static int run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    /** A limit of files to 4 KiB: writes end in the middle of a record. */
    @Test
    void writesThatEndHalfWayLoseNothing() throws Exception {
        List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f 8; exec \"$@\"", "sh"));
        command.addAll(java(temp.resolve("queue").toString(), "full", "60"));
        Process process = new ProcessBuilder(command).redirectError(temp.resolve("err").toFile()).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(said).as(Files.readString(temp.resolve("err")))
                .matches("all 60 in order, failures [1-9][0-9]*, in memory [1-9][0-9]*, left 0\n");
    }

    private static List<String> java(String... arguments) {
        List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElseThrow(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp",
                System.getProperty("java.class.path"), SpoolProcess.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    @Test
    void nothingThatWasPutIsLostByKill9() throws Exception {
        Random random = new Random(9);
        Path folder = temp.resolve("queue");
        int first = 0;
        int removed = 0;
        for (int round = 0; round < 25; round++) {
            Process process = new ProcessBuilder(java(folder.toString(), String.valueOf(first)))
                    .redirectError(temp.resolve("err").toFile()).start();
            long lines = 1 + random.nextInt(400);
            int put = -1;
            try (var out = process.inputReader(StandardCharsets.US_ASCII)) {
                for (String line = out.readLine(); line != null; line = out.readLine()) {
                    int number = Integer.parseInt(line.substring(line.indexOf(' ') + 1));
                    if (line.startsWith("put ")) {
                        put = number;
                    } else {
                        removed = Math.max(removed, number + 1);
                    }
                    if (--lines == 0) {
                        process.toHandle().destroyForcibly();
                    }
                }
            }
            assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(temp.resolve("err"))).isEqualTo(128 + 9);
            try (BatchSpool spool = spool(folder)) {
                int left = spool.depth().batches();
                Item oldest = spool.oldest().orElseThrow();
                int oldestNumber = SpoolProcess.number(oldest.body());
                assertThat(oldestNumber).as("round %d", round).isLessThanOrEqualTo(removed);
                assertThat(oldestNumber + left - 1).as("round %d", round).isBetween(put, put + 1);
                first = oldestNumber + left;
                removed = oldestNumber;
                if (round % 5 == 4) {
                    assertThat(takeAll(spool)).as("round %d", round).isEqualTo(numbers(oldestNumber, first));
                    removed = first;
                }
            }
        }
    }
}
