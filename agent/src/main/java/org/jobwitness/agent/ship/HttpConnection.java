package org.jobwitness.agent.ship;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jobwitness.agent.clock.NodeClock;
import org.jspecify.annotations.Nullable;

/**
 * A connection to an HTTP/1.1 server (RFC 9112), for one request after another: as much of HTTP as a client of one service needs.
 * Java's own client would take 6 MB more memory, and a millisecond of CPU per request. TLS is Java's.
 *
 * <p>For one thread, except {@link #close}, which ends the request under way.
 */
final class HttpConnection implements Closeable {
    private static final int MAX_LINE_LENGTH = 8192;
    private static final int MAX_HEADERS = 100;
    private static final int MAX_BODY_BYTES = 256 << 10;
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.([01]) ([1-5]\\d\\d)( .*)?");

    private final Socket socket;
    private final Duration readTimeout;
    private final NodeClock clock;
    private final InputStream in;
    private boolean isReusable = true;
    /** For the complete response, in monotonic nanoseconds. */
    private long deadline;

    /**
     * A response.
     *
     * @param headers by their lower-case names
     */
    record Response(int status, Map<String, String> headers, String body) {
    }

    private HttpConnection(Socket socket, Duration readTimeout, NodeClock clock) throws IOException {
        this.socket = socket;
        this.readTimeout = readTimeout;
        this.clock = clock;
        this.in = new BufferedInputStream(new TimedInput());
    }

    /**
     * Connects.
     *
     * @param tls for https
     * @param connectTimeout for TCP, and again for TLS
     * @param readTimeout for each read of a response
     */
    static HttpConnection open(URI url, @Nullable SSLSocketFactory tls, Duration connectTimeout, Duration readTimeout,
            NodeClock clock) throws IOException {
        Socket socket = new Socket();
        try {
            int port = url.getPort() >= 0 ? url.getPort() : tls == null ? 80 : 443;
            socket.connect(new InetSocketAddress(url.getHost(), port), (int) connectTimeout.toMillis());
            socket.setTcpNoDelay(true);
            if (tls != null) {
                socket.setSoTimeout((int) connectTimeout.toMillis());
                socket = secured(tls, socket, url.getHost(), port);
            }
            return new HttpConnection(socket, readTimeout, clock);
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private static Socket secured(SSLSocketFactory tls, Socket plain, String host, int port) throws IOException {
        SSLSocket socket = (SSLSocket) tls.createSocket(plain, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS"); // the certificate must be of this host
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    /** Whether another request may be sent on it, as far as this side knows. */
    boolean isReusable() {
        return isReusable;
    }

    /**
     * Sends a request and reads its response.
     *
     * @param until deadline for the complete response, in monotonic nanoseconds
     * @throws NoAnswerException if the server closed before it sent anything: it may not have read the request
     * @throws IOException if the response is not HTTP, too large, too late, or incomplete
     */
    Response send(byte[] head, byte[] body, long until) throws IOException {
        isReusable = false;
        deadline = until;
        byte[] request = new byte[head.length + body.length];
        System.arraycopy(head, 0, request, 0, head.length);
        System.arraycopy(body, 0, request, head.length, body.length);
        String statusLine;
        try {
            socket.getOutputStream().write(request);
            statusLine = line();
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            throw new NoAnswerException(e);
        }
        Map<String, String> headers = headers();
        int status = status(statusLine);
        while (status < 200) { // an interim response
            statusLine = line();
            status = status(statusLine);
            headers = headers();
        }
        byte[] content = body(status, headers);
        isReusable = statusLine.startsWith("HTTP/1.1") && isDelimited(status, headers)
                && !headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
        return new Response(status, headers, new String(content, StandardCharsets.UTF_8));
    }

    private static int status(String line) throws IOException {
        Matcher status = STATUS.matcher(line);
        if (!status.matches()) {
            throw new IOException("the response is not HTTP");
        }
        return Integer.parseInt(status.group(2));
    }

    /** The connection was closed before a response. */
    static final class NoAnswerException extends IOException {
        private static final long serialVersionUID = 1L;

        NoAnswerException(IOException cause) {
            super("the connection was closed before a response", cause);
        }
    }

    private Map<String, String> headers() throws IOException {
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            if (colon < 1 || headers.size() >= MAX_HEADERS) {
                throw new IOException("the response is not HTTP");
            }
            headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
        }
        return headers;
    }

    private static boolean hasNoBody(int status) {
        return status == 204 || status == 304;
    }

    private static boolean isChunked(Map<String, String> headers) {
        return headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked");
    }

    /** Whether the body ends before the connection. */
    private static boolean isDelimited(int status, Map<String, String> headers) {
        return hasNoBody(status) || isChunked(headers) || headers.containsKey("content-length");
    }

    private byte[] body(int status, Map<String, String> headers) throws IOException {
        if (hasNoBody(status)) {
            return new byte[0];
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if (isChunked(headers)) {
            for (int size = size(line().split(";", 2)[0].strip(), 16); size > 0; size = size(
                    line().split(";", 2)[0].strip(), 16)) {
                append(body, size);
                line();
            }
            headers(); // trailers, which are not needed
        } else if (headers.containsKey("content-length")) {
            append(body, size(headers.get("content-length"), 10));
        } else {
            byte[] all = in.readNBytes(MAX_BODY_BYTES + 1);
            checkSize(all.length);
            return all;
        }
        return body.toByteArray();
    }

    private static int size(@Nullable String text, int radix) throws IOException {
        try {
            int size = Integer.parseInt(text, radix);
            checkSize(size);
            return size;
        } catch (NumberFormatException e) {
            throw new IOException("the response is not HTTP", e);
        }
    }

    private static void checkSize(int size) throws IOException {
        if (size < 0 || size > MAX_BODY_BYTES) {
            throw new IOException("the response is longer than " + MAX_BODY_BYTES + " bytes");
        }
    }

    private void append(ByteArrayOutputStream body, int size) throws IOException {
        byte[] some = in.readNBytes(size);
        if (some.length < size) {
            throw new EOFException("the response is incomplete");
        }
        body.write(some, 0, size);
        checkSize(body.size());
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(128);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the response is incomplete");
            }
            if (line.size() >= MAX_LINE_LENGTH) {
                throw new IOException("the response is not HTTP");
            }
            line.write(c);
        }
        String text = line.toString(StandardCharsets.ISO_8859_1);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    @Override
    public void close() {
        isReusable = false;
        try {
            socket.close();
        } catch (IOException e) {
            // closed in any case
        }
    }

    /** The bytes from the server: each read within its timeout, and all of them before the deadline. */
    private final class TimedInput extends InputStream {
        private final InputStream from;

        private TimedInput() throws IOException {
            from = socket.getInputStream();
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
        }

        @Override
        public int read(byte[] into, int at, int max) throws IOException {
            long leftMillis = (deadline - clock.nanoTime()) / 1_000_000;
            if (leftMillis <= 0) {
                throw new SocketTimeoutException("the response took too long");
            }
            socket.setSoTimeout((int) Math.min(leftMillis, readTimeout.toMillis()));
            return from.read(into, at, max);
        }
    }
}
