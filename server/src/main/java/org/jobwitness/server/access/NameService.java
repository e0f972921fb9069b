package org.jobwitness.server.access;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Users and groups as this machine knows them (NSS: files, LDAP, SSSD), by {@code getent} and {@code id}. What was looked up is
 * kept for a minute. Thread-safe.
 */
final class NameService {
    private static final Logger log = LoggerFactory.getLogger(NameService.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final int MAX_ENTRIES = 10_000;
    private static final int MAX_BYTES = 64 << 10;

    /** The newest is the last. */
    private final Map<List<String>, Lookup> lookups = new LinkedHashMap<>();

    /** @param at nanoTime */
    private record Lookup(String output, long at) {
        boolean isFresh() {
            return System.nanoTime() - at < TTL.toNanos();
        }
    }

    /** Empty if this machine knows no name for it. */
    Optional<String> userName(long uid) {
        return field(ask("getent", "passwd", Long.toString(uid)), 0);
    }

    /** Whether the group is one of the user's, or the first of them; false if either is unknown. */
    boolean isMember(String user, String group) {
        Optional<String> gid = field(ask("getent", "group", "--", group), 2);
        return gid.isPresent() && Arrays.asList(ask("id", "-G", "--", user).strip().split(" ")).contains(gid.get());
    }

    private static Optional<String> field(String line, int index) {
        String[] fields = line.strip().split(":", -1);
        return index < fields.length && !fields[index].isEmpty() ? Optional.of(fields[index]) : Optional.empty();
    }

    private String ask(String... command) {
        List<String> key = List.of(command);
        synchronized (lookups) {
            Lookup known = lookups.get(key);
            if (known != null && known.isFresh()) {
                return known.output;
            }
        }
        String output = run(key);
        synchronized (lookups) {
            lookups.remove(key);
            lookups.put(key, new Lookup(output, System.nanoTime()));
            if (lookups.size() > MAX_ENTRIES) {
                lookups.remove(lookups.keySet().iterator().next());
            }
        }
        return output;
    }

    /** What it prints; nothing if it fails or is late. */
    private static String run(List<String> command) {
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null"))).start();
            try (InputStream out = process.getInputStream()) {
                if (!process.waitFor(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                    log.warn("name_service_timeout command=\"{}\"", command.getFirst());
                    return "";
                }
                return process.exitValue() == 0
                        ? new String(out.readNBytes(MAX_BYTES), StandardCharsets.UTF_8)
                        : "";
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            log.warn("name_service_unavailable cause=\"{}\"", e.getMessage());
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
