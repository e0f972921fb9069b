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

/** Does what may hang, each on a virtual thread of its own, which is interrupted when its time is up. */
final class TimeLimited implements AutoCloseable {
    /** What a cluster with a hundred thousand jobs answers is less. */
    private static final long MOST_BYTES = 1L << 30;

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Duration limit;

    TimeLimited(Duration limit) {
        this.limit = limit;
    }

    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException, SlurmException, InterruptedException;
    }

    /**
     * Waits for the end of the work, or of its time.
     *
     * @param what for the message
     */
    <T> T run(String what, Work<T> work) throws SlurmException, InterruptedException {
        Future<T> done = threads.submit(work::run);
        try {
            return done.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new SlurmException(SlurmException.Trouble.SLOW, what + " took longer than " + limit.toSeconds()
                    + " s", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case SlurmException trouble -> throw new SlurmException(trouble.trouble(),
                        what + ": " + trouble.getMessage(), trouble);
                case IOException away -> throw new SlurmException(SlurmException.Trouble.AWAY,
                        what + ": " + inWords(away), away);
                case null, default -> throw new IllegalStateException(what, e);
            }
        } finally {
            done.cancel(true);
        }
    }

    /** What an administrator can make something of: in these cases Java's own words are none, or the names of classes. */
    private static String inWords(IOException away) {
        return switch (away) {
            case ConnectException _ -> "nobody listens there, or it cannot be reached";
            case HttpTimeoutException _ -> "no connection in time";
            case SSLException refused -> TrustedCas.inWords(refused);
            default -> Objects.requireNonNullElse(away.getMessage(), "the connection broke off");
        };
    }

    /** The stream, which is an error if it is endless. */
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
                if (read > MOST_BYTES) {
                    throw new IOException("the answer is longer than " + (MOST_BYTES >> 20) + " MiB");
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
