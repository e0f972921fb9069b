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
import org.jobwitness.agent.files.ScriptsSpool;
import org.jobwitness.agent.log.Log;
import org.jspecify.annotations.Nullable;

/**
 * The events that prolog and epilog could not send themselves: files of the folder {@code events} in the scripts' spool
 * (slurm/README.md), and the drafts of scripts that were killed. Only the scripts delete or rename them, so a delivered event is
 * remembered as long as its file exists. What users other than root and the agent's own may have written is left there. For the
 * sending thread. Times are monotonic milliseconds.
 */
final class EventsFolder {
    private static final Pattern NAME = Pattern.compile("[0-9]{10}-[0-9]{1,10}-(started|finished)-[0-9]{1,10}\\.json");
    /** Before the name, while a script writes the event; it stays if the script is killed. */
    private static final String DRAFT = ".tmp-";
    private static final int SECONDS_IN_NAME = 10;
    private static final Pattern START = Pattern.compile("\\{\"event_id\":\"([^\"]*)\"");
    private static final Pattern VALID_ID = Pattern.compile("[A-Za-z0-9._-]{1,255}");
    private static final int MAX_BYTES = 64 << 10;
    /** Twice the maximum of the scripts. */
    private static final int MAX_EVENTS = 20_000;
    private static final int MAX_IMMEDIATE_RETRIES = 3;
    private static final long INITIAL_DELAY_MS = 1000;

    /** An event in the folder. */
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

        /** Null if it is invalid in a header. */
        @Nullable
        String id() {
            return id;
        }

        byte[] body() {
            return body;
        }
    }

    private static final class State {
        private long dueAt;
        private int failures;
        private boolean isDone;
        private boolean isUntrusted;
        private boolean wasRetriedEarly;
        private final boolean isDraft;

        private State(long dueAt, boolean isDraft) {
            this.dueAt = dueAt;
            this.isDraft = isDraft;
        }
    }

    private final Path folder;
    private final ScriptsSpool spool;
    private final long scriptTimeoutMs;
    private final long draftTimeoutMs;
    private final long maxDelayMs;
    private final Log log;
    /** By name, and so by age. */
    private final TreeMap<String, State> states = new TreeMap<>();
    /** The names of those that others may have written. */
    private final Set<String> untrusted = new HashSet<>();
    private volatile int untrustedCount;
    private boolean isReadable = true;
    private boolean isTrusted = true;

    EventsFolder(Path folder, Timing timing, Log log) {
        this.folder = folder;
        this.spool = new ScriptsSpool(folder);
        this.scriptTimeoutMs = timing.scriptTimeout().toMillis();
        this.draftTimeoutMs = timing.draftTimeout().toMillis();
        // Less than the waits for an unavailable service, so that events are first when it is available again.
        this.maxDelayMs = timing.maxBackoff().toMillis() / 4;
        this.log = log;
    }

    void list(long now) {
        Set<String> present = new HashSet<>();
        Set<String> drafts = new HashSet<>();
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    String fileName = file.getFileName().toString();
                    boolean isDraft = fileName.startsWith(DRAFT);
                    String name = isDraft ? fileName.substring(DRAFT.length()) : fileName;
                    if (present.size() < MAX_EVENTS && NAME.matcher(name).matches() && present.add(name) && isDraft) {
                        drafts.add(name);
                    }
                }
                isReadable = true;
            } catch (IOException | DirectoryIteratorException e) {
                unreadable(e);
                return;
            }
        }
        untrusted.retainAll(present);
        if (isUntrusted(present)) {
            states.clear();
            return;
        }
        states.values().removeIf(state -> state.isUntrusted);
        states.keySet().retainAll(present);
        for (String name : present) {
            State state = states.get(name);
            boolean isDraft = drafts.contains(name);
            if (state == null || (state.isDraft && !isDraft && !state.isDone)) {
                states.put(name, new State(now + (isDraft ? draftTimeoutMs : scriptTimeoutMs), isDraft));
            }
        }
    }

    /** Whether others may write the folders, so that any of the events may be theirs. */
    private boolean isUntrusted(Set<String> present) {
        Optional<String> problem = spool.problem();
        if (problem.isPresent()) {
            untrusted.addAll(present);
            if (isTrusted) {
                log.warn("events_untrusted cause=\"" + problem.get() + "\"; events there are neither read nor sent");
            }
        } else if (!isTrusted) {
            log.info("events_recovered folder=" + folder);
        }
        isTrusted = problem.isEmpty();
        untrustedCount = untrusted.size();
        return problem.isPresent();
    }

    /** The oldest event whose script had its time to send it. */
    Optional<Event> next(long now) {
        for (var iterator = states.entrySet().iterator(); iterator.hasNext();) {
            var entry = iterator.next();
            State state = entry.getValue();
            if (state.isDone || state.dueAt > now) {
                continue;
            }
            try {
                Path file = folder.resolve(state.isDraft ? DRAFT + entry.getKey() : entry.getKey());
                if (isUntrusted(entry.getKey(), file)) {
                    state.isDone = true;
                    state.isUntrusted = true;
                    continue;
                }
                Event event = read(entry.getKey(), file);
                if (event != null) {
                    return Optional.of(event);
                }
                state.isDone = true;
                log.warn("event_invalid file=" + file);
            } catch (NoSuchFileException e) {
                iterator.remove(); // sent by its script meanwhile
            } catch (IOException e) {
                unreadable(e);
                state.dueAt = now + maxDelayMs;
            }
        }
        return Optional.empty();
    }

    private boolean isUntrusted(String name, Path file) throws IOException {
        // A link has no mode of its own, and is no event.
        Optional<String> problem = Files.isSymbolicLink(file) ? Optional.empty() : ScriptsSpool.problemOf(file);
        if (problem.isEmpty()) {
            untrusted.remove(name);
        } else if (untrusted.add(name)) {
            log.warn("event_untrusted file=" + file + " cause=\"" + problem.get() + "\"");
        }
        untrustedCount = untrusted.size();
        return problem.isPresent();
    }

    private void unreadable(Exception e) {
        if (isReadable) {
            isReadable = false;
            log.warn("events_unreadable folder=" + folder + " cause=\"" + e + "\"");
        }
    }

    /** Null if it is no event. */
    private @Nullable Event read(String name, Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        byte[] body;
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            body = in.readNBytes(MAX_BYTES + 1);
        }
        Matcher start = START.matcher(new String(body, StandardCharsets.UTF_8));
        // A draft of a full disk may end anywhere.
        boolean isWhole = body.length > 0 && body[body.length - 1] == '\n';
        if (body.length > MAX_BYTES || !isWhole || !start.lookingAt()) {
            return null;
        }
        String id = start.group(1);
        return new Event(name, VALID_ID.matcher(id).matches() ? id : null, body);
    }

    /** It need not be sent again. */
    void done(Event event) {
        State state = states.get(event.name());
        if (state != null) {
            state.isDone = true;
        }
    }

    /** It is retried, but after some failures the others do not wait for it. */
    void failed(Event event, long now) {
        State state = states.get(event.name());
        if (state != null && ++state.failures >= MAX_IMMEDIATE_RETRIES) {
            state.dueAt = now
                    + Math.min(maxDelayMs, INITIAL_DELAY_MS << Math.min(state.failures - MAX_IMMEDIATE_RETRIES, 10));
        }
    }

    /**
     * Events that failed while the service was unavailable are due now, before the batches of that time. Once for each event: one that
     * always fails would delay the batches again and again.
     */
    void retryFailed(long now) {
        for (State state : states.values()) {
            if (state.failures > 0 && !state.wasRetriedEarly) {
                state.wasRetriedEarly = true;
                state.dueAt = Math.min(state.dueAt, now);
            }
        }
    }

    /** The number of events that are left in the folder because others may have written them. For any thread. */
    int untrusted() {
        return untrustedCount;
    }

    /** The number of events that are still to be sent. */
    int waiting() {
        return (int) states.values().stream().filter(state -> !state.isDone).count();
    }

    /** The time of the oldest of them, from its file name; null if there is none. */
    @Nullable
    Instant oldestWaiting() {
        return states.entrySet().stream().filter(entry -> !entry.getValue().isDone).findFirst()
                .map(entry -> Instant.ofEpochSecond(Long.parseLong(entry.getKey(), 0, SECONDS_IN_NAME, 10)))
                .orElse(null);
    }

    /** When the next one is due; {@link Long#MAX_VALUE} if there is none. */
    long nextDue() {
        return states.values().stream().filter(state -> !state.isDone).mapToLong(state -> state.dueAt).min()
                .orElse(Long.MAX_VALUE);
    }
}
