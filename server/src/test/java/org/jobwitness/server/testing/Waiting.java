package org.jobwitness.server.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** What tests of processes share: waiting with a deadline, a port that stays free while nothing listens on it, a folder. */
public final class Waiting {
    private static final Duration POLL = Duration.ofMillis(20);

    private Waiting() {
    }

    public interface Condition {
        /** An IOException counts as not yet. */
        boolean holds() throws IOException;
    }

    public interface Reading {
        double now() throws IOException;
    }

    public static void until(String what, Duration patience, Condition condition) throws InterruptedException {
        until(what, patience, () -> "", condition);
    }

    /**
     * Polls until the condition holds.
     *
     * @param seen is asked for more to say if it never does
     */
    public static void until(String what, Duration patience, Supplier<String> seen, Condition condition)
            throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (!holds(condition)) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("within " + patience.toSeconds() + " s it did not come true that " + what
                        + "\n" + seen.get());
            }
            pause();
        }
    }

    /** Polls until a number has stayed the same for a while. @return the number */
    public static double steady(String what, Duration calm, Duration patience, Reading reading)
            throws InterruptedException, IOException {
        long deadline = System.nanoTime() + patience.toNanos();
        long since = System.nanoTime();
        double last = reading.now();
        while (System.nanoTime() - since < calm.toNanos()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("within " + patience.toSeconds() + " s it did not come to rest: " + what);
            }
            pause();
            double now = reading.now();
            if (now != last) {
                last = now;
                since = System.nanoTime();
            }
        }
        return last;
    }

    private static void pause() throws InterruptedException {
        LockSupport.parkNanos(POLL.toNanos());
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    private static boolean holds(Condition condition) {
        try {
            return condition.holds();
        } catch (IOException e) {
            return false;
        }
    }

    /** Below the range from which the system gives ports to those who ask for any. */
    public static int freePort() {
        for (int tries = 0; tries < 1000; tries++) {
            int port = ThreadLocalRandom.current().nextInt(17_000, 30_000);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                // Taken: try another.
            }
        }
        throw new IllegalStateException("no free port");
    }

    /** Lets other users pass through a test's folder: where root runs the tests, PostgreSQL may run as another one. */
    public static Path passable(Path folder) throws IOException {
        return Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    }
}
