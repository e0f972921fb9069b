package org.jobwitness.agent.ship;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/** Accepts connections, and answers each with the same text, as slowly as the test wants. */
final class RawService implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final AtomicInteger accepted = new AtomicInteger();
    private final String answer;
    private final int msPerByte;
    private final Runnable changed;

    /** @param changed called after each connection */
    RawService(String answer, int msPerByte, Runnable changed) throws IOException {
        this.answer = answer;
        this.changed = changed;
        this.msPerByte = msPerByte;
        Thread.ofPlatform().daemon(true).start(this::accept);
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket connection = socket.accept();
                accepted.incrementAndGet();
                changed.run();
                Thread.ofPlatform().daemon(true).start(() -> serve(connection));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setSoTimeout(msPerByte);
            for (byte b : answer.getBytes(StandardCharsets.ISO_8859_1)) {
                connection.getOutputStream().write(b);
                readUntilSilence(connection.getInputStream());
            }
            connection.setSoTimeout(0);
            while (connection.getInputStream().read() >= 0) {
                // until the client closes it
            }
        } catch (IOException e) {
            // the client has closed it
        }
    }

    /** Returns when the client has sent nothing for as long as a byte of the answer takes. */
    private static void readUntilSilence(InputStream in) throws IOException {
        try {
            while (in.read() >= 0) {
                // the request
            }
            throw new EOFException();
        } catch (SocketTimeoutException e) {
            // the next byte is due
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
