package org.jobwitness.agent.ship;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Takes connections, and answers each with the same text, as slowly as it is told; or not at all. */
final class RawService implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final AtomicInteger accepted = new AtomicInteger();
    private final String answer;
    private final long msPerByte;

    RawService(String answer, long msPerByte) throws IOException {
        this.answer = answer;
        this.msPerByte = msPerByte;
        Thread.ofPlatform().daemon(true).start(this::accept);
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket connection = socket.accept();
                accepted.incrementAndGet();
                Thread.ofPlatform().daemon(true).start(() -> serve(connection));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            for (byte b : answer.getBytes(StandardCharsets.ISO_8859_1)) {
                connection.getOutputStream().write(b);
                TimeUnit.MILLISECONDS.sleep(msPerByte);
            }
            while (connection.getInputStream().read() >= 0) {
                // until it goes away
            }
        } catch (IOException | InterruptedException e) {
            // it has gone away
        }
    }

    int accepted() {
        return accepted.get();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + socket.getLocalPort());
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
