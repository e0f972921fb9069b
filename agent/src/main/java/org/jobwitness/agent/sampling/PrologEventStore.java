package org.jobwitness.agent.sampling;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jobwitness.agent.log.Log;

/**
 * The prolog events of the jobs on the node, in a file of the agent's own folder. With it an agent that restarts while jobs run
 * still knows them, and above all the GPUs that they hold without using them.
 *
 * <p>Each line is the inode of a job's cgroup, its path, and the prolog's event. The kernel reuses no inode of a cgroup until the
 * next boot, so the line of a job that has ended, or was requeued meanwhile, matches no cgroup. For the sampler's thread. A lost or
 * damaged file costs only what it held.
 */
public final class PrologEventStore {
    private static final int MAX_BYTES = 4 << 20;

    private final Path folder;
    private final Path file;
    private final String bootId;
    private final Log log;
    private Map<String, String> saved = Map.of();
    private boolean isFailureLogged;

    /** @param folder the agent's own, which need not exist */
    public PrologEventStore(Path folder, Path proc, Log log) {
        this.folder = folder;
        this.file = folder.resolve("prolog-events");
        this.log = log;
        this.bootId = bootId(proc);
    }

    /** The events of the jobs that are still on the node. */
    public List<String> load() {
        List<String> events = new ArrayList<>();
        try {
            if (bootId.isEmpty() || !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    || Files.size(file) > MAX_BYTES) {
                return events;
            }
            List<String> lines = Files.readAllLines(file, StandardCharsets.US_ASCII);
            if (!lines.isEmpty() && lines.getFirst().equals(bootId)) {
                lines.stream().skip(1).map(line -> line.split("\t", 3)).filter(line -> line.length == 3)
                        .filter(line -> inode(Path.of(line[1])).filter(line[0]::equals).isPresent())
                        .forEach(line -> events.add(line[2]));
            }
        } catch (IOException | RuntimeException e) {
            logOnce(e);
        }
        return events;
    }

    /** Writes the file if the events have changed. */
    void save(Map<Path, String> eventsOfJobs) {
        Map<String, String> now = new TreeMap<>();
        eventsOfJobs.forEach((cgroup, event) -> now.put(cgroup.toString(), event));
        if (now.equals(saved) || bootId.isEmpty() || !Files.isDirectory(folder)) {
            return;
        }
        StringBuilder text = new StringBuilder(bootId).append('\n');
        now.forEach((cgroup, event) -> inode(Path.of(cgroup)).filter(_ -> isOneLine(cgroup) && isOneLine(event))
                .ifPresent(inode -> text.append(inode).append('\t').append(cgroup).append('\t').append(event)
                        .append('\n')));
        Path draft = folder.resolve("prolog-events.new");
        try {
            Files.writeString(draft, text, StandardCharsets.US_ASCII);
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
            saved = now;
        } catch (IOException e) {
            logOnce(e);
        }
    }

    private static boolean isOneLine(String text) {
        return text.chars().noneMatch(c -> c < ' ' || c > '~');
    }

    private static Optional<String> inode(Path folder) {
        try {
            return Optional.of(Files.getAttribute(folder, "unix:ino", LinkOption.NOFOLLOW_LINKS).toString());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Empty if the kernel does not show it; then nothing is saved. */
    private static String bootId(Path proc) {
        try {
            return Files.readString(proc.resolve("sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private void logOnce(Exception e) {
        if (!isFailureLogged) {
            isFailureLogged = true;
            log.warn("prolog_event_store_failed file=" + file + " cause=\"" + e + "\"");
        }
    }
}
