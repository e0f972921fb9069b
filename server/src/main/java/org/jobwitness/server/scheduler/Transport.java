package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/** Sends GET requests to slurmrestd. Without a timeout of its own; an interrupt ends the wait. */
interface Transport extends AutoCloseable {

    /** A response whose body is still to be read. */
    record Response(int status, InputStream body) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    /**
     * Sends the request, and waits for the headers of the response.
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
