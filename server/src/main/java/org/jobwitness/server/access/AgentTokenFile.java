package org.jobwitness.server.access;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The tokens for some nodes, a line each in one file of the data folder. {@code jobwitness-server token} replaces it as a whole,
 * whether a server runs or not.
 */
public final class AgentTokenFile {
    private static final String NAME = "agent-tokens";
    private static final String HEAD = """
            # Tokens for the agents of some nodes: id, SHA-256, creation, cluster, nodes (* is all of the cluster).
            # Change it with: jobwitness-server token
            """;
    private static final FileAttribute<?> PRIVATE = PosixFilePermissions
            .asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path file;

    public AgentTokenFile(Path dataDir) {
        file = dataDir.resolve(NAME);
    }

    Path path() {
        return file;
    }

    /**
     * All tokens, oldest first; none if there is no file.
     *
     * @throws IOException whose message names the line that is wrong
     */
    public List<AgentToken> read() throws IOException {
        List<String> lines;
        try {
            lines = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList(); // comments may be in any encoding
        } catch (NoSuchFileException e) {
            return List.of();
        }
        List<AgentToken> tokens = new ArrayList<>();
        for (int number = 1; number <= lines.size(); number++) {
            String line = lines.get(number - 1);
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            try {
                tokens.add(AgentToken.parse(line));
            } catch (IllegalArgumentException e) {
                throw new IOException(file + " line " + number + " is not a token: " + e.getMessage(), e);
            }
        }
        return tokens;
    }

    /** Adds a token, durably. */
    public void add(AgentToken token) throws IOException {
        try (FileChannel _ = lock()) {
            List<AgentToken> tokens = new ArrayList<>(read());
            tokens.add(token);
            write(tokens);
        }
    }

    /** Removes the token with this id, durably; returns whether there was one. */
    public boolean remove(String id) throws IOException {
        try (FileChannel _ = lock()) {
            List<AgentToken> tokens = new ArrayList<>(read());
            boolean wasThere = tokens.removeIf(token -> token.id().equals(id));
            if (wasThere) {
                write(tokens);
            }
            return wasThere;
        }
    }

    /** Keeps others from changing it, until it is closed. */
    private FileChannel lock() throws IOException {
        Path folder = Objects.requireNonNull(file.getParent());
        FileChannel channel = FileChannel.open(folder.resolve(NAME + ".lock"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
            if (lock == null) {
                throw new IOException("another jobwitness-server token is changing " + file + "; try again");
            }
            return channel;
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
    }

    private void write(List<AgentToken> tokens) throws IOException {
        Path folder = Objects.requireNonNull(file.getParent());
        Path fresh = folder.resolve(NAME + ".new");
        Files.deleteIfExists(fresh);
        Files.createFile(fresh, PRIVATE);
        giveToOwnerOf(folder, fresh);
        StringBuilder text = new StringBuilder(HEAD);
        tokens.forEach(token -> text.append(token.line()).append('\n'));
        Files.writeString(fresh, text, StandardOpenOption.SYNC);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel entries = FileChannel.open(folder)) {
            entries.force(true);
        }
    }

    /** Root may run the command for a server that runs as another user, which must be able to read the file. */
    private static void giveToOwnerOf(Path folder, Path fresh) throws IOException {
        PosixFileAttributes ofFolder = Files.readAttributes(folder, PosixFileAttributes.class);
        if (!ofFolder.owner().equals(Files.getOwner(fresh))) {
            PosixFileAttributeView view = Files.getFileAttributeView(fresh, PosixFileAttributeView.class);
            view.setOwner(ofFolder.owner());
            view.setGroup(ofFolder.group());
        }
    }
}
