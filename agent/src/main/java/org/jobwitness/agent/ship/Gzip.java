package org.jobwitness.agent.ship;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Compresses bodies with gzip (RFC 1952). Java's GZIPOutputStream allocates a quarter of a megabyte for each; this does so once.
 */
final class Gzip {
    /** Magic number, deflate, no flags, no time, no flags, unknown system. */
    private static final byte[] HEAD = {0x1f, (byte) 0x8b, Deflater.DEFLATED, 0, 0, 0, 0, 0, 0, (byte) 0xff};

    private final Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
    private final byte[] buffer = new byte[4096];

    synchronized byte[] pack(byte[] body) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream(4096);
        packed.writeBytes(HEAD);
        deflater.reset();
        deflater.setInput(body);
        deflater.finish();
        while (!deflater.finished()) {
            packed.write(buffer, 0, deflater.deflate(buffer));
        }
        CRC32 crc = new CRC32();
        crc.update(body);
        packed.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt((int) crc.getValue())
                .putInt(body.length).array());
        return packed.toByteArray();
    }
}
