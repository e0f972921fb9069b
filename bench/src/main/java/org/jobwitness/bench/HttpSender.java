package org.jobwitness.bench;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Sends events like a node, over one keep-alive connection. Written by hand, because client and server share the machine, and a
 * full HTTP client would cost as much as the server.
 */
final class HttpSender implements EventBench.Sender {
    private final Socket socket;
    private final InputStream in;

    HttpSender(int port) throws IOException {
        socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(30_000);
        in = new BufferedInputStream(socket.getInputStream());
    }

    @Override
    public void started(long job) throws IOException {
        post("job-started", String.format(Locale.ROOT, """
                {"event_id":"s%1$d","job_id":"%1$d","cluster":"bench","start_time":"2026-01-01T00:00:00Z","node":"n1",\
                "user":"alice","uid":1001,"node_list":["n[1-2]"],"partition":"batch","restart_count":0,\
                "cpus_per_node":"4(x2)","timestamp":"2026-01-01T00:00:01Z","end_time":"2026-01-02T00:00:00Z"}""", job));
    }

    @Override
    public void finished(long job) throws IOException {
        post("job-finished", String.format(Locale.ROOT, """
                {"event_id":"f%1$d","job_id":"%1$d","cluster":"bench","start_time":"2026-01-01T00:00:00Z","node":"n1",\
                "user":"alice","uid":1001,"node_list":["n[1-2]"],"partition":"batch","restart_count":0,\
                "cpus_per_node":"4(x2)","timestamp":"2026-01-01T01:00:00Z","raw_status":256,"exit_code":1,"signal":0,\
                "derived_exit_code":0}""", job));
    }

    private void post(String event, String body) throws IOException {
        send("POST /v1/events/" + event
                + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                + body.length() + "\r\n\r\n" + body);
    }

    private void send(String request) throws IOException {
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        String status = line();
        int length = 0;
        for (String header = line(); !header.isEmpty(); header = line()) {
            if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                length = Integer.parseInt(header.substring("content-length:".length()).strip());
            }
        }
        byte[] body = in.readNBytes(length);
        if (!status.startsWith("HTTP/1.1 200")) {
            throw new IOException(status + ": " + new String(body, StandardCharsets.UTF_8));
        }
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the server closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
