package org.jobwitness.server.scheduler;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * HTTP over a Unix socket, which Java's own HTTP client does not support: one request for each connection; a response ends by its
 * length or with the connection.
 */
final class UnixTransport implements Transport {
    private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.[01] ([1-5][0-9]{2})(?: .*)?");
    private static final int MAX_HEADER_BYTES = 64 << 10;

    private final Path socket;

    UnixTransport(Path socket) {
        this.socket = socket;
    }

    @Override
    public Response get(String target, Map<String, String> headers) throws IOException {
        StringBuilder request = new StringBuilder(
                "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        headers.forEach((name, value) -> request.append(name).append(": ").append(value).append("\r\n"));
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
            ByteBuffer bytes = StandardCharsets.US_ASCII.encode(request.append("\r\n").toString());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            return read(new BufferedInputStream(Channels.newInputStream(channel), 1 << 16));
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static Response read(InputStream in) throws IOException {
        int[] left = {MAX_HEADER_BYTES};
        Matcher status = STATUS_LINE.matcher(line(in, left));
        if (!status.matches()) {
            throw new IOException("the response is not HTTP");
        }
        long length = -1;
        for (String line = line(in, left); !line.isEmpty(); line = line(in, left)) {
            String lower = line.toLowerCase(Locale.ROOT);
            if (lower.matches("content-length: *[0-9]{1,15} *")) {
                length = Long.parseLong(lower.substring("content-length:".length()).strip());
            } else if (lower.startsWith("transfer-encoding:")) {
                throw new IOException("the response is chunked (" + line + "), which is not supported");
            }
        }
        return new Response(Integer.parseInt(status.group(1)), length < 0 ? in : new OfLength(in, length));
    }

    private static String line(InputStream in, int[] left) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0 || left[0]-- <= 0) {
                throw new EOFException("the headers of the response are cut off or too long");
            }
            line.append((char) c);
        }
        return line.toString().stripTrailing();
    }

    @Override
    public void close() {
        // each connection ends with its response
    }

    /** A connection that ends too early is an error, not a short response. */
    private static final class OfLength extends FilterInputStream {
        private long left;

        OfLength(InputStream in, long length) {
            super(in);
            left = length;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
            if (left == 0) {
                return -1;
            }
            int read = super.read(bytes, from, (int) Math.min(length, left));
            if (read < 0) {
                throw new EOFException("the response ends " + left + " bytes too early");
            }
            left -= read;
            return read;
        }
    }
}
