package org.jobwitness.agent.ship;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;

/** A small file, read again when it has changed. For one thread. */
final class ReloadedFile<T> {
    private static final int MAX_BYTES = 1 << 20;

    interface Parser<T> {
        T parse(byte[] content) throws IOException;
    }

    private record Stamp(FileTime changed, long size, @Nullable Object inode) {
    }

    private final Path file;
    private final Parser<T> parser;
    private @Nullable Stamp stamp;
    private @Nullable T value;

    ReloadedFile(Path file, Parser<T> parser) {
        this.file = file;
        this.parser = parser;
    }

    T get() throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        Stamp now = new Stamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey());
        T known = value;
        if (known != null && now.equals(stamp)) {
            return known;
        }
        value = null;
        if (!attributes.isRegularFile()) {
            throw new IOException(file + " is not a file");
        }
        T read;
        try (InputStream in = Files.newInputStream(file)) {
            read = parser.parse(in.readNBytes(MAX_BYTES));
        }
        stamp = now;
        value = read;
        return read;
    }
}
