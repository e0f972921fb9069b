package org.jobwitness.agent.spool;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.log.Log;

/**
 * A process of its own that uses a spool: {@code FOLDER FIRST} until it is killed, {@code FOLDER full COUNT} to put so many,
 * with whatever limits the process has, and to take them out again.
 */
final class SpoolProcess {
    private SpoolProcess() {
    }

    public static void main(String[] args) {
        BatchSpool spool = new BatchSpool(Path.of(args[0]), 64 << 20, Duration.ofDays(1), NodeClock.SYSTEM,
                new Log(System.err));
        if (args[1].equals("full")) {
            putAndTake(spool, Integer.parseInt(args[2]));
        } else {
            putForEver(spool, Integer.parseInt(args[1]));
        }
    }

    /** Says of each body that it has been put, and of each that it will be removed. */
    private static void putForEver(BatchSpool spool, int first) {
        Random random = new Random(first);
        for (int number = first;; number++) {
            spool.put(body(number));
            System.out.println("put " + number);
            if (random.nextInt(3) == 0) {
                Item item = spool.oldest().orElseThrow();
                System.out.println("removing " + number(item.body()));
                spool.remove(item);
            }
            if (random.nextInt(20) == 0) {
                spool.force();
            }
        }
    }

    private static void putAndTake(BatchSpool spool, int count) {
        int mostInMemory = 0;
        for (int number = 0; number < count; number++) {
            spool.put(body(number));
            mostInMemory = Math.max(mostInMemory, spool.depth().inMemory());
        }
        for (int number = 0; number < count; number++) {
            Item item = spool.oldest().orElseThrow();
            if (number(item.body()) != number) {
                throw new AssertionError("expected " + number);
            }
            spool.remove(item);
        }
        System.out.println("all " + count + " in order, failures " + spool.depth().diskFailures() + ", in memory "
                + mostInMemory + ", left " + spool.depth().batches());
    }

    /** Of any length, and each byte of it known. */
    static byte[] body(int number) {
        byte[] body = new byte[40 + new Random(number).nextInt(3000)];
        new Random(number).nextBytes(body);
        byte[] start = (number + " ").getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(start, 0, body, 0, start.length);
        return body;
    }

    /** @throws AssertionError unless it is the body of that number, byte by byte */
    static int number(byte[] body) {
        int end = 0;
        while (body[end] != ' ') {
            end++;
        }
        int number = Integer.parseInt(new String(body, 0, end, StandardCharsets.US_ASCII));
        if (!Arrays.equals(body, body(number))) {
            throw new AssertionError("the body of " + number + " is not what was put");
        }
        return number;
    }
}
