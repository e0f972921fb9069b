package org.jobwitness.cli.service;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jobwitness.wire.MungeSocket;
import org.jobwitness.wire.SignIn;

/**
 * Signs the user in by this host's munged, so that nobody types anything. The session's token is kept in the user's runtime
 * folder, which is gone after the logout; without such a folder it is not kept.
 *
 * @param socket of munged
 * @param sessionFile where the token is kept; empty if there is no place for it
 */
public record MungeLogin(Path socket, Optional<Path> sessionFile) {
    /** For as long as a person does not notice. */
    private static final Duration TIMEOUT = Duration.ofSeconds(1);
    private static final int DEFAULT = 1;
    private static final int ANYBODY = -1;
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    /** The token of an earlier command; empty if there is none that only this user may have written. */
    Optional<String> keptToken() {
        try {
            if (sessionFile.isEmpty()) {
                return Optional.empty();
            }
            Path file = sessionFile.get();
            PosixFileAttributes attributes = Files.readAttributes(file, PosixFileAttributes.class,
                    LinkOption.NOFOLLOW_LINKS);
            boolean isOurs = attributes.isRegularFile() && attributes.permissions().equals(OWNER_ONLY)
                    && attributes.owner().equals(Files.getOwner(Path.of("/proc/self")));
            String token = isOurs ? Files.readString(file).strip() : "";
            return token.matches("[A-Za-z0-9_-]{1,200}") ? Optional.of(token) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // the next sign-in makes it
        }
    }

    /** Keeps a token for the next command, if there is a place for it. */
    void keep(String token) {
        if (sessionFile.isEmpty()) {
            return;
        }
        Path file = sessionFile.get();
        try {
            Path folder = Objects.requireNonNull(file.getParent());
            Files.createDirectories(folder,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Path fresh = Files.createTempFile(folder, "session", ".new",
                    PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            Files.writeString(fresh, token + "\n", StandardOpenOption.TRUNCATE_EXISTING);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            return; // the next command signs in again
        }
    }

    /**
     * A credential that proves the user's uid to the service.
     *
     * @throws IOException if munged does not give one
     */
    String credential() throws IOException {
        byte[] payload = SignIn.newPayload(new SecureRandom()).getBytes(StandardCharsets.US_ASCII);
        ByteBuffer request = ByteBuffer.allocate(20 + payload.length)
                .put((byte) DEFAULT).put((byte) DEFAULT).put((byte) DEFAULT) // cipher, MAC, compression
                .put((byte) 0) // length of the realm
                .putInt(0) // lifetime: the default
                .putInt(ANYBODY).putInt(ANYBODY) // uid and gid that may decode it
                .putInt(payload.length).put(payload).flip();
        try {
            ByteBuffer response = MungeSocket.ask(socket, MungeSocket.ENCODE, request, TIMEOUT);
            int error = response.get() & 0xff;
            String message = text(response, response.get() & 0xff);
            if (error != 0) {
                throw new IOException(message.isEmpty() ? "error " + error : message);
            }
            return text(response, response.getInt());
        } catch (BufferUnderflowException e) {
            throw new IOException("munged's response is cut off", e);
        }
    }

    private static String text(ByteBuffer response, int length) {
        if (length < 0 || length > response.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        response.get(bytes);
        return new String(bytes, StandardCharsets.ISO_8859_1).replace("\0", "").strip();
    }
}
