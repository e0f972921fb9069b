package org.jobwitness.wire;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The Unix socket of munged, MUNGE's daemon: one request and its response on each connection, big-endian, behind a header of
 * magic number, version, type, retry and length. Texts in them end with a NUL that their length counts.
 */
public final class MungeSocket {
    public static final Path DEFAULT = Path.of("/run/munge/munge.socket.2");
    /** Types of requests; a response has the next number. */
    public static final int ENCODE = 2;
    public static final int DECODE = 4;

    private static final int MAGIC = 0x00606D4B;
    private static final int VERSION = 4;
    private static final int HEADER_BYTES = 11;
    private static final int MAX_BODY = 1 << 20;

    private MungeSocket() {
    }

    /**
     * Sends a request, and returns the body of the response.
     *
     * @param timeout for all of it
     * @throws IOException also if munged refuses the request's form: it closes the connection then
     */
    public static ByteBuffer ask(Path socket, int type, ByteBuffer body, Duration timeout) throws IOException {
        long deadline = System.nanoTime() + timeout.toNanos();
        ByteBuffer request = ByteBuffer.allocate(HEADER_BYTES + body.remaining()).putInt(MAGIC).put((byte) VERSION)
                .put((byte) type).put((byte) 0).putInt(body.remaining()).put(body.duplicate()).flip();
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
                throw new IOException("munged is too busy to take a connection");
            }
            SelectionKey key = channel.register(selector, SelectionKey.OP_WRITE);
            while (request.hasRemaining()) {
                await(selector, deadline);
                channel.write(request);
            }
            key.interestOps(SelectionKey.OP_READ);
            ByteBuffer header = read(channel, selector, HEADER_BYTES, deadline);
            if (header.getInt() != MAGIC || header.get() != VERSION || header.get() != type + 1) {
                throw new IOException("what answers at " + socket + " is not munged");
            }
            int length = header.getInt(7);
            if (length < 0 || length > MAX_BODY) {
                throw new IOException("the response has " + Integer.toUnsignedString(length) + " bytes");
            }
            return read(channel, selector, length, deadline);
        }
    }

    private static ByteBuffer read(SocketChannel channel, Selector selector, int count, long deadline)
            throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining()) {
            await(selector, deadline);
            if (channel.read(bytes) < 0) {
                throw new EOFException("munged closed the connection");
            }
        }
        return bytes.flip();
    }

    private static void await(Selector selector, long deadline) throws IOException {
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0 || selector.select(millis) == 0) {
            throw new IOException("munged does not answer");
        }
        selector.selectedKeys().clear();
    }
}
