package org.jobwitness.server.notice;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;

/** A connection that reads only so much: a mail server's answer has no end but the one it gives it. */
final class BoundedSocket extends Socket {
    private static final int MAX_BYTES = 256 * 1024;

    private int left = MAX_BYTES;

    @Override
    public InputStream getInputStream() throws IOException {
        return new FilterInputStream(super.getInputStream()) {
            @Override
            public int read() throws IOException {
                int read = in.read();
                count(read < 0 ? 0 : 1);
                return read;
            }

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                int read = in.read(buffer, offset, length);
                count(Math.max(read, 0));
                return read;
            }
        };
    }

    private void count(int read) throws IOException {
        left -= read;
        if (left < 0) {
            throw new IOException("it sends without end");
        }
    }
}
