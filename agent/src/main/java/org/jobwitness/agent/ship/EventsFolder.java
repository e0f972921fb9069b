package org.jobwitness.agent.ship;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * The events that prolog and epilog could not send themselves: files of the folder {@code events} in the scripts' spool
 * (slurm/README.md). They are the scripts', and only read here, so what has been delivered is remembered for as long as
 * its file is there. Used by the sending thread. Times are milliseconds of the shipper's own clock.
 */
final class EventsFolder {
    private static final Pattern NAME = Pattern.compile("[0-9]{10}-[0-9]{1,10}-(started|finished)-[0-9]{1,10}\\.json");
    private static final int SECONDS_IN_NAME = 10;
    private static final Pattern BEGINNING = Pattern.compile("\\{\"event_id\":\"([^\"]*)\"");
    private static final Pattern SANE_ID = Pattern.compile("[A-Za-z0-9._-]{1,255}");
    private static final int LARGEST = 64 << 10;
    /** Twice what the scripts keep. */
    private static final int MOST = 20_000;
    private static final int FAILURES_AT_ONCE = 3;
    private static final long FIRST_DELAY_MS = 1000;

    /** An event as it lies there. */
    static final class Event {
        private final String name;
        private final @Nullable String id;
        private final byte[] body;

        private Event(String name, @Nullable String id, byte[] body) {
            this.name = name;
            this.id = id;
            this.body = body;
        }

        String name() {
            return name;
        }

        /** Whether it is the prolog's. */
        boolean isStart() {
            return name.contains("-started-");
        }

        /** Null if it is not fit for a header. */
        @Nullable
        String id() {
            return id;
        }

        byte[] body() {
            return body;
        }
    }

    private static final class Known {
        private long dueAt;
        private int failures;
        private boolean isSettled;
        private boolean wasHurried;

        private Known(long dueAt) {
            this.dueAt = dueAt;
        }
    }

    private final Path folder;
    private final long scriptsTimeMs;
    private final long longestDelayMs;
    private final Log log;
    /** By name, which is by age. */
    private final TreeMap<String, Known> known = new TreeMap<>();
    private boolean isReadable = true;

    EventsFolder(Path folder, Timing pace, Log log) {
        this.folder = folder;
        this.scriptsTimeMs = pace.scriptsTime().toMillis();
        // Less than the waits for a service that is away, so that events are first when it is back.
        this.longestDelayMs = pace.longestBackoff().toMillis() / 4;
        this.log = log;
    }

    /** Looks what is there. */
    void list(long now) {
        Set<String> there = new HashSet<>();
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    String name = file.getFileName().toString();
                    if (there.size() < MOST && NAME.matcher(name).matches()) {
                        there.add(name);
                    }
                }
                isReadable = true;
            } catch (IOException | DirectoryIteratorException e) {
                unreadable(e);
                return;
            }
        }
        known.keySet().retainAll(there);
        there.forEach(name -> known.computeIfAbsent(name, n -> new Known(now + scriptsTimeMs)));
    }

    /** The oldest event whose script has had its time. */
    Optional<Event> next(long now) {
        for (var iterator = known.entrySet().iterator(); iterator.hasNext();) {
            var entry = iterator.next();
            Known state = entry.getValue();
            if (state.isSettled || state.dueAt > now) {
                continue;
            }
            try {
                Event event = read(entry.getKey());
                if (event != null) {
                    return Optional.of(event);
                }
                state.isSettled = true;
                log.warn("not_an_event file=" + folder.resolve(entry.getKey()));
            } catch (NoSuchFileException e) {
                iterator.remove(); // sent by its script
            } catch (IOException e) {
                unreadable(e);
                state.dueAt = now + longestDelayMs;
            }
        }
        return Optional.empty();
    }

    private void unreadable(Exception e) {
        if (isReadable) {
            isReadable = false;
            log.warn("events_unreadable folder=" + folder + " cause=\"" + e + "\"");
        }
    }

    /** Null if it is none. */
    private @Nullable Event read(String name) throws IOException {
        Path file = folder.resolve(name);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new NoSuchFileException(name);
        }
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        byte[] body;
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            body = in.readNBytes(LARGEST + 1);
        }
        Matcher beginning = BEGINNING.matcher(new String(body, StandardCharsets.UTF_8));
        if (body.length > LARGEST || !beginning.lookingAt()) {
            return null;
        }
        String id = beginning.group(1);
        return new Event(name, SANE_ID.matcher(id).matches() ? id : null, body);
    }

    /** The service has made up its mind about it. */
    void settled(Event event) {
        Known state = known.get(event.name());
        if (state != null) {
            state.isSettled = true;
        }
    }

    /** It is tried again, but after some failures the others do not wait for it. */
    void failed(Event event, long now) {
        Known state = known.get(event.name());
        if (state != null && ++state.failures >= FAILURES_AT_ONCE) {
            state.dueAt = now
                    + Math.min(longestDelayMs, FIRST_DELAY_MS << Math.min(state.failures - FAILURES_AT_ONCE, 10));
        }
    }

    /**
     * What failed while the service was away goes before the batches of that time after all. Once for each event: one that
     * fails on its own account would hold them up whenever they succeed.
     */
    void serviceIsBack(long now) {
        for (Known state : known.values()) {
            if (state.failures > 0 && !state.wasHurried) {
                state.wasHurried = true;
                state.dueAt = Math.min(state.dueAt, now);
            }
        }
    }

    /** Those about which the service has not made up its mind. */
    int waiting() {
        return (int) known.values().stream().filter(state -> !state.isSettled).count();
    }

    /** When the oldest of them happened, as its script's name for it says; null if there is none. */
    @Nullable
    Instant oldestWaiting() {
        return known.entrySet().stream().filter(entry -> !entry.getValue().isSettled).findFirst()
                .map(entry -> Instant.ofEpochSecond(Long.parseLong(entry.getKey(), 0, SECONDS_IN_NAME, 10)))
                .orElse(null);
    }

    /** When the next one is due, {@link Long#MAX_VALUE} if there is none. */
    long nextDue() {
        return known.values().stream().filter(state -> !state.isSettled).mapToLong(state -> state.dueAt).min()
                .orElse(Long.MAX_VALUE);
    }
}
