package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that the kernel generates on read, kept open and read from its start each time. The kernel returns all of such a
 * file to one read with enough room (seq_file.c), so a reading is one system call.
 *
 * <p>For one thread, which must not be interrupted: an interrupt would close the file.
 */
final class KernelFile implements Closeable {
    private final FileChannel channel;

    /** @throws java.nio.file.NoSuchFileException if it does not exist */
    KernelFile(Path path) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.READ);
    }

    /**
     * Fills the text with the present content.
     *
     * @throws IOException ENODEV if its cgroup has been removed, or any other error of the kernel
     */
    void read(KernelText text) throws IOException {
        text.fill(channel);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // only read; Linux has closed it in any case
        }
    }
}
