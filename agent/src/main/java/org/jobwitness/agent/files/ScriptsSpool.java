package org.jobwitness.agent.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The spool of prolog and epilog (slurm/README.md). What is in it is evidence only if it belongs to root or to the agent's own
 * user, and no other may write it, or one of its folders.
 */
public final class ScriptsSpool {
    private static final int MAX_NAME_BYTES = 256;

    private final Path events;

    /** @param events its folder of unsent events */
    public ScriptsSpool(Path events) {
        this.events = events;
    }

    /** Why nothing in it can be trusted; empty if it can, or if there is no spool. */
    public Optional<String> problem() {
        for (Path folder : List.of(events.resolveSibling(""), events)) {
            try {
                Optional<String> problem = problemOf(folder);
                if (problem.isPresent()) {
                    return problem.map(cause -> folder + ": " + cause);
                }
            } catch (NoSuchFileException e) {
                return Optional.empty();
            } catch (IOException e) {
                return Optional.of(e.toString());
            }
        }
        return Optional.empty();
    }

    /** Why this file of it cannot be trusted, even if its folders can. */
    public static Optional<String> problemOf(Path file) throws IOException {
        return FileAccess.of(file).foreignWriter();
    }

    /** Slurm's name of this node, as the last prolog kept it; an untrusted one counts as none. */
    public Optional<String> node() {
        try {
            Path file = events.resolveSibling("node");
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > MAX_NAME_BYTES
                    || problem().isPresent() || problemOf(file).isPresent()) {
                return Optional.empty();
            }
            return Optional.of(Files.readString(file, StandardCharsets.ISO_8859_1).strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
