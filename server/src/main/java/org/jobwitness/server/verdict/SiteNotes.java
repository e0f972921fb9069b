package org.jobwitness.server.verdict;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.json.Printable;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The site's own words beside the advice of a verdict: one sentence for all, and notes with conditions in a file, which is read again
 * when it changes. A file that cannot be read, or has an error, leaves the notes as they were. Thread-safe.
 */
public final class SiteNotes {
    private static final Logger log = LoggerFactory.getLogger(SiteNotes.class);
    static final SiteNotes NONE = new SiteNotes(null, null, Clock.systemUTC());
    private static final Duration LOOK_INTERVAL = Duration.ofSeconds(5);
    private static final int MAX_BYTES = 256 << 10;
    private static final int MAX_NOTES = 200;
    private static final int MAX_TEXT = 500;
    private static final int MAX_SHOWN = 5;
    private static final Pattern LINK = Pattern.compile("https://[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%-]{1,500}");

    private final @Nullable String forAll;
    private final @Nullable Path file;
    private final Clock clock;
    private volatile List<Note> notes = List.of();
    private volatile Instant lookAgain = Instant.MIN;
    private @Nullable String version;
    private volatile @Nullable String problem;

    /** The file has an error: its message has the line. */
    public static final class InvalidNotes extends Exception {
        private static final long serialVersionUID = 1L;

        InvalidNotes(String message) {
            super(message);
        }
    }

    record Note(NoteCondition when, String text) {
    }

    private SiteNotes(@Nullable String forAll, @Nullable Path file, Clock clock) {
        this.forAll = forAll;
        this.file = file;
        this.clock = clock;
    }

    /**
     * Reads the file for the first time.
     *
     * @throws InvalidNotes if it cannot be read, or has an error
     */
    public static SiteNotes of(Optional<String> forAll, Optional<Path> file, Clock clock) throws InvalidNotes {
        SiteNotes notes = new SiteNotes(forAll.orElse(null), file.orElse(null), clock);
        if (file.isPresent()) {
            notes.read(file.get());
        }
        return notes;
    }

    /** Those whose condition is met, each in a line of its own; null if there is none. */
    @Nullable
    String of(RunEvidence evidence, Cause cause, List<Verdict.Finding> findings) {
        refresh();
        String shown = Stream.concat(Stream.ofNullable(forAll), notes.stream()
                .filter(note -> note.when().isMet(evidence.run(), cause, findings)).map(Note::text).limit(MAX_SHOWN))
                .collect(Collectors.joining("\n"));
        return shown.isEmpty() ? null : shown;
    }

    /** Why the file's last change is not in use; empty if it is. */
    public Optional<String> problem() {
        refresh();
        return Optional.ofNullable(problem);
    }

    private void refresh() {
        Instant now = clock.instant();
        if (file == null || now.isBefore(lookAgain)) {
            return;
        }
        lookAgain = now.plus(LOOK_INTERVAL);
        try {
            read(file);
            problem = null;
        } catch (InvalidNotes e) {
            if (!String.valueOf(e.getMessage()).equals(problem)) {
                log.warn("site_notes_invalid cause=\"{}\"", String.valueOf(e.getMessage()).replace('"', '\''));
            }
            problem = e.getMessage();
        }
    }

    private synchronized void read(Path path) throws InvalidNotes {
        try {
            BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
            String seen = now.lastModifiedTime() + " " + now.size() + " " + now.fileKey();
            if (seen.equals(version) && problem == null) {
                return;
            }
            if (!now.isRegularFile() || now.size() > MAX_BYTES) {
                throw new InvalidNotes(path + " is no file of at most " + MAX_BYTES + " bytes");
            }
            notes = parse(path.toString(), Files.readString(path, StandardCharsets.UTF_8));
            version = seen;
        } catch (IOException e) {
            throw new InvalidNotes(path + " cannot be read: " + e);
        }
    }

    /** @param name of the file, for errors */
    static List<Note> parse(String name, String text) throws InvalidNotes {
        List<Note> found = new ArrayList<>();
        Draft draft = new Draft();
        int number = 0;
        for (String line : (text + "\n\n").split("\n", -1)) {
            number++;
            try {
                if (line.isBlank()) {
                    draft.finish().ifPresent(found::add);
                    draft = new Draft();
                } else if (!line.startsWith("#")) {
                    draft.add(line.strip());
                }
                if (found.size() > MAX_NOTES) {
                    throw new IllegalArgumentException("there are more than " + MAX_NOTES + " notes");
                }
            } catch (IllegalArgumentException e) {
                throw new InvalidNotes(name + ", line " + number + ": " + e.getMessage());
            }
        }
        return List.copyOf(found);
    }

    /** A note of which some lines were read. */
    private static final class Draft {
        private @Nullable NoteCondition when;
        private @Nullable String text;
        private @Nullable String link;

        void add(String line) {
            int colon = line.indexOf(':');
            String key = colon < 0 ? line : line.substring(0, colon);
            String value = colon < 0 ? "" : line.substring(colon + 1).strip();
            switch (key) {
                case "when" -> when = once(key, when, NoteCondition.parse(value));
                case "text" -> text = once(key, text, text(value));
                case "link" -> link = once(key, link, link(value));
                default -> throw new IllegalArgumentException(
                        "a line begins with when:, text:, link: or #, not with " + Printable.shown(key));
            }
        }

        private static <T> T once(String key, @Nullable T before, T value) {
            if (before != null) {
                throw new IllegalArgumentException("there are two lines " + key + ": an empty line ends a note");
            }
            return value;
        }

        private static String text(String value) {
            if (value.isEmpty() || value.length() > MAX_TEXT || !value.codePoints().allMatch(SiteNotes::isPlain)) {
                throw new IllegalArgumentException("text: takes 1 to " + MAX_TEXT
                        + " characters, without control characters, < and >");
            }
            return value;
        }

        private static String link(String value) {
            if (!LINK.matcher(value).matches()) {
                throw new IllegalArgumentException("link: takes an address such as https://hpc.example.org/memory");
            }
            return value;
        }

        Optional<Note> finish() {
            if (when == null && text == null && link == null) {
                return Optional.empty();
            }
            if (text == null) {
                throw new IllegalArgumentException("the note that ends here has no text:");
            }
            return Optional.of(new Note(when == null ? NoteCondition.ALWAYS : when,
                    link == null ? text : text + " " + link));
        }
    }

    /** Neither a control character, nor one that hides or turns text, nor markup. */
    public static boolean isPlain(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                false;
            default -> c != '<' && c != '>';
        };
    }
}
