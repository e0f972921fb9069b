package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/** Brings a GET to slurmrestd. It waits as long as it takes, and ends when its thread is interrupted. */
interface Transport extends AutoCloseable {

    /** An answer, of which the body is still to be read. */
    record Response(int status, InputStream body) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    /**
     * Sends the request, and waits for the beginning of its answer.
     *
     * @param target path and query
     */
    Response get(String target, Map<String, String> headers) throws IOException, InterruptedException;

    @Override
    void close();

    static Transport to(SlurmAddress address) {
        return switch (address) {
            case SlurmAddress.Web web -> new WebTransport(web);
            case SlurmAddress.UnixSocket socket -> new UnixTransport(socket.path());
        };
    }
}
