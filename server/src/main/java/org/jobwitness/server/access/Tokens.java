package org.jobwitness.server.access;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bearer tokens: one file for each role in the data folder, created at the first start and readable by the server's user
 * only. To change one, edit or delete its file, and restart the server.
 */
public final class Tokens {
    private static final Logger log = LoggerFactory.getLogger(Tokens.class);
    private static final List<Role> ROLES = List.of(Role.OPERATOR, Role.AGENT, Role.SCRAPE);
    private static final int BYTES = 32;
    private static final int MIN_LENGTH = 16;

    private final Path folder;
    private final Map<Role, byte[]> tokens = new EnumMap<>(Role.class);

    private Tokens(Path folder) {
        this.folder = folder;
    }

    /**
     * Reads the tokens, and creates those that are missing.
     *
     * @throws IOException whose message says what to do
     */
    public static Tokens in(Path folder) throws IOException {
        Tokens tokens = new Tokens(folder);
        Files.createDirectories(folder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        for (Role role : ROLES) {
            Path file = tokens.file(role);
            String token = readOrCreate(file);
            if (token.length() < MIN_LENGTH) {
                throw new IOException(file + " holds a token of " + token.length() + " characters; give it at least "
                        + MIN_LENGTH + ", or delete the file and a new one is made");
            }
            tokens.tokens.put(role, token.getBytes(StandardCharsets.UTF_8));
        }
        return tokens;
    }

    private static String readOrCreate(Path file) throws IOException {
        try {
            return Files.readString(file).strip();
        } catch (NoSuchFileException e) {
            byte[] random = new byte[BYTES];
            new SecureRandom().nextBytes(random);
            String token = HexFormat.of().formatHex(random);
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.deleteIfExists(fresh);
            Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(fresh, token + "\n", StandardOpenOption.SYNC);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
            log.info("token_created file={}", file);
            return token;
        }
    }

    public Path file(Role role) {
        return folder.resolve(role.name().toLowerCase(Locale.ROOT) + ".token");
    }

    Optional<Role> roleOf(String token) {
        byte[] given = token.getBytes(StandardCharsets.UTF_8);
        return ROLES.stream().filter(role -> MessageDigest.isEqual(tokens.get(role), given)).findFirst();
    }
}
