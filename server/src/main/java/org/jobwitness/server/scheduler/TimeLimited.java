package org.jobwitness.server.scheduler;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jobwitness.wire.TrustedCas;

/** Runs work that may hang, each on a virtual thread of its own, which is interrupted after a timeout. */
final class TimeLimited implements AutoCloseable {
    /** The list of a cluster with a hundred thousand jobs is shorter. */
    private static final long MAX_BYTES = 1L << 30;

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Duration timeout;

    TimeLimited(Duration timeout) {
        this.timeout = timeout;
    }

    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException, SlurmException, InterruptedException;
    }

    /**
     * Waits for the end of the work or the timeout.
     *
     * @param what for the message
     */
    <T> T run(String what, Work<T> work) throws SlurmException, InterruptedException {
        Future<T> done = threads.submit(work::run);
        try {
            return done.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new SlurmException(SlurmException.Problem.SLOW, what + " took longer than " + timeout.toSeconds()
                    + " s", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case SlurmException e2 -> throw new SlurmException(e2.problem(),
                        what + ": " + e2.getMessage(), e2);
                case IOException io -> throw new SlurmException(SlurmException.Problem.AWAY,
                        what + ": " + inWords(io), io);
                case null, default -> throw new IllegalStateException(what, e);
            }
        } finally {
            done.cancel(true);
        }
    }

    /** For administrators: in these cases Java's own message is missing, or the name of a class. */
    private static String inWords(IOException e) {
        return switch (e) {
            case ConnectException _ -> "connection refused or host unreachable";
            case HttpTimeoutException _ -> "connection timeout";
            case SSLException refused -> TrustedCas.inWords(refused, "SLURM_CA_FILE");
            default -> Objects.requireNonNullElse(e.getMessage(), "the connection broke off");
        };
    }

    /** The stream, which fails if it is too long. */
    static InputStream bounded(InputStream in) {
        return new FilterInputStream(in) {
            private long read;

            @Override
            public int read() throws IOException {
                return count(super.read(), 1);
            }

            @Override
            public int read(byte[] bytes, int from, int length) throws IOException {
                int some = super.read(bytes, from, length);
                return count(some, some);
            }

            private int count(int result, int some) throws IOException {
                read += Math.max(0, some);
                if (read > MAX_BYTES) {
                    throw new IOException("the answer is longer than " + (MAX_BYTES >> 20) + " MiB");
                }
                return result;
            }
        };
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
