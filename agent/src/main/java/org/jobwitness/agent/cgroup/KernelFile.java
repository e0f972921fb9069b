package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that the kernel makes up when it is read, kept open and read from its beginning each time. The kernel gives all
 * of such a file to one read that has room for it (seq_file.c), so there is one system call a reading.
 *
 * <p>To be read by one thread, which nobody interrupts: an interrupt would close the file.
 */
final class KernelFile implements Closeable {
    private final FileChannel channel;

    /** @throws java.nio.file.NoSuchFileException if it is not there */
    KernelFile(Path path) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.READ);
    }

    /**
     * Fills the text with what the file holds now.
     *
     * @throws IOException ENODEV if its cgroup has been removed, or whatever the kernel says
     */
    void read(KernelText text) throws IOException {
        text.fill(channel);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // It was only read. Linux has let go of it in any case.
        }
    }
}
