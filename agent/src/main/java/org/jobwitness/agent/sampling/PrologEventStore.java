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
 * What prologs said of the jobs that are on the node, in a file of the agent's own folder: an agent that is started anew while
 * they run knows them again, and above all the GPUs that they hold and do not use.
 *
 * <p>Each line is the inode of a job's cgroup, its path, and the prolog's event. The kernel gives no inode to a second cgroup until
 * it is booted, so the line of a job that has gone, or was requeued meanwhile, is that of no cgroup that is there. Used by the
 * sampler's thread. A file that is lost or damaged costs what it would have told.
 */
public final class PrologEventStore {
    private static final int LARGEST = 4 << 20;

    private final Path folder;
    private final Path file;
    private final String boot;
    private final Log log;
    private Map<String, String> kept = Map.of();
    private boolean troubleSaid;

    /** @param folder the agent's own, which may not be there */
    public PrologEventStore(Path folder, Path proc, Log log) {
        this.folder = folder;
        this.file = folder.resolve("announced");
        this.log = log;
        this.boot = boot(proc);
    }

    /** The events of the jobs that are there still. */
    public List<String> recall() {
        List<String> events = new ArrayList<>();
        try {
            if (boot.isEmpty() || !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > LARGEST) {
                return events;
            }
            List<String> lines = Files.readAllLines(file, StandardCharsets.US_ASCII);
            if (!lines.isEmpty() && lines.getFirst().equals(boot)) {
                lines.stream().skip(1).map(line -> line.split("\t", 3)).filter(line -> line.length == 3)
                        .filter(line -> inode(Path.of(line[1])).filter(line[0]::equals).isPresent())
                        .forEach(line -> events.add(line[2]));
            }
        } catch (IOException | RuntimeException e) {
            trouble(e);
        }
        return events;
    }

    /** Writes it anew if it has changed. */
    void keep(Map<Path, String> eventsOfJobs) {
        Map<String, String> now = new TreeMap<>();
        eventsOfJobs.forEach((cgroup, event) -> now.put(cgroup.toString(), event));
        if (now.equals(kept) || boot.isEmpty() || !Files.isDirectory(folder)) {
            return;
        }
        StringBuilder text = new StringBuilder(boot).append('\n');
        now.forEach((cgroup, event) -> inode(Path.of(cgroup)).filter(_ -> isOneLine(cgroup) && isOneLine(event))
                .ifPresent(inode -> text.append(inode).append('\t').append(cgroup).append('\t').append(event)
                        .append('\n')));
        Path draft = folder.resolve("announced.new");
        try {
            Files.writeString(draft, text, StandardCharsets.US_ASCII);
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
            kept = now;
        } catch (IOException e) {
            trouble(e);
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

    /** Empty where the kernel does not tell; then nothing is kept. */
    private static String boot(Path proc) {
        try {
            return Files.readString(proc.resolve("sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private void trouble(Exception e) {
        if (!troubleSaid) {
            troubleSaid = true;
            log.warn("announced_not_kept file=" + file + " cause=\"" + e + "\"");
        }
    }
}
