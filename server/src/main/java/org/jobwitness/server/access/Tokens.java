package org.jobwitness.server.access;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bearer tokens: one file for each role in the data folder, created at the first start and readable by the server's user
 * only, and those for some nodes ({@link AgentTokenFile}). Files that change are read again within a second; what cannot be read
 * leaves the tokens as they were. Called by the threads of requests.
 */
public final class Tokens {
    private static final Logger log = LoggerFactory.getLogger(Tokens.class);
    private static final List<Role> ROLES = List.of(Role.OPERATOR, Role.AGENT, Role.SCRAPE);
    private static final int BYTES = 32;
    private static final int MIN_LENGTH = 16;
    private static final Duration CHECK_INTERVAL = Duration.ofSeconds(1);
    private static final Set<PosixFilePermission> OF_ALL_USERS = Set.of(PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE);

    private final Path folder;
    private final AgentTokenFile agentTokens;
    private volatile Loaded loaded;
    private volatile long checkAt;

    /** Whom a token belongs to. */
    record Owner(Role role, String actor, ReportScope reports) {
    }

    /** What was read, and of which state of the files. */
    private record Loaded(Map<Role, byte[]> ofRoles, Map<String, OfNodes> ofNodes, List<Object> stamp) {
    }

    private record OfNodes(AgentToken token, Owner owner) {
    }

    private Tokens(Path folder) throws IOException {
        this.folder = folder;
        agentTokens = new AgentTokenFile(folder);
        loaded = load();
        checkAt = System.nanoTime() + CHECK_INTERVAL.toNanos();
    }

    /**
     * Reads the tokens, and creates those that are missing.
     *
     * @throws IOException whose message says what to do
     */
    public static Tokens in(Path folder) throws IOException {
        Files.createDirectories(folder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        return new Tokens(folder);
    }

    private Loaded load() throws IOException {
        for (Role role : ROLES) {
            createIfMissing(file(role));
        }
        List<Object> stamp = stamp(); // before they are read, so that no change is missed
        Map<Role, byte[]> ofRoles = new EnumMap<>(Role.class);
        for (Role role : ROLES) {
            Path file = file(role);
            String token = Files.readString(file).strip();
            if (token.length() < MIN_LENGTH) {
                throw new IOException(file + " holds a token of " + token.length() + " characters; give it at least "
                        + MIN_LENGTH + ", or delete the file and a new one is made");
            }
            ofRoles.put(role, token.getBytes(StandardCharsets.UTF_8));
            warnIfExposed(file);
        }
        Map<String, OfNodes> ofNodes = new HashMap<>();
        for (AgentToken token : agentTokens.read()) {
            ofNodes.put(token.id(),
                    new OfNodes(token, new Owner(Role.AGENT, "agent:" + token.id(), token.scope())));
        }
        return new Loaded(ofRoles, ofNodes, stamp);
    }

    private static void createIfMissing(Path file) throws IOException {
        if (Files.exists(file)) {
            return;
        }
        byte[] random = new byte[BYTES];
        new SecureRandom().nextBytes(random);
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(fresh, HexFormat.of().formatHex(random) + "\n", StandardOpenOption.SYNC);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        log.info("token_created file={}", file);
    }

    private static void warnIfExposed(Path file) throws IOException {
        Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
        if (!Collections.disjoint(permissions, OF_ALL_USERS)) {
            log.warn(
                    "token_exposed file={} cause=\"all users may read or write it\" mode={}; make it 0600, and change the token",
                    file, PosixFilePermissions.toString(permissions));
        }
    }

    /** Changes with each of the files, but for one that is written twice within the clock of the file system, in the same length. */
    private List<Object> stamp() throws IOException {
        List<Object> stamp = new ArrayList<>();
        for (Path file : files(folder)) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                stamp.add(List.of(attributes.lastModifiedTime(), attributes.size(),
                        Objects.requireNonNullElse(attributes.fileKey(), "")));
            } catch (NoSuchFileException e) {
                stamp.add("none");
            }
        }
        return stamp;
    }

    private Loaded current() {
        if (System.nanoTime() - checkAt >= 0) {
            reloadIfChanged();
        }
        return loaded;
    }

    private synchronized void reloadIfChanged() {
        long now = System.nanoTime();
        if (now - checkAt < 0) {
            return;
        }
        try {
            if (!stamp().equals(loaded.stamp)) {
                reload();
            }
        } catch (IOException e) {
            log.warn("tokens_unreadable cause=\"{}\"; they stay as they were", e.toString());
        }
        checkAt = System.nanoTime() + CHECK_INTERVAL.toNanos();
    }

    private void reload() throws IOException {
        try {
            loaded = load();
            log.info("tokens_reloaded of_nodes={}", loaded.ofNodes.size());
        } catch (IOException e) {
            // Once for each change of the files.
            loaded = new Loaded(loaded.ofRoles, loaded.ofNodes, stamp());
            throw e;
        }
    }

    public Path file(Role role) {
        return file(folder, role);
    }

    private static Path file(Path folder, Role role) {
        return folder.resolve(role.name().toLowerCase(Locale.ROOT) + ".token");
    }

    /** All files that a data folder may have tokens in. */
    public static List<Path> files(Path folder) {
        return Stream
                .concat(ROLES.stream().map(role -> file(folder, role)), Stream.of(new AgentTokenFile(folder).path()))
                .toList();
    }

    Optional<Owner> ownerOf(String token) {
        Loaded current = current();
        byte[] given = token.getBytes(StandardCharsets.UTF_8);
        for (Role role : ROLES) {
            if (MessageDigest.isEqual(current.ofRoles.get(role), given)) {
                return Optional.of(new Owner(role, role.name().toLowerCase(Locale.ROOT), new ReportScope.Everything()));
            }
        }
        return AgentToken.idIn(token).map(current.ofNodes::get).filter(known -> known.token.isSecret(token))
                .map(OfNodes::owner);
    }
}
