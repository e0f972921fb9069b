package org.jobwitness.agent.cgroup;

import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.clock.NodeClock;

/**
 * Changes in folders of cgroups, from inotify: jobs and steps that appear and disappear, and files that the kernel changes by
 * itself while they are open (cgroup.events, memory.events; kernel/cgroup/cgroup.c, cgroup_file_notify).
 *
 * <p>The kernel notifies of a file at most every 10 ms. A job at its limit causes such events without end, so a busy folder is
 * looked at only ten times a second. For one thread, except {@link #close}.
 */
public final class Watch implements Closeable {
    /** A folder with more events than this in a second is paused. */
    private static final int MAX_EVENTS_PER_SECOND = 10;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

    private final WatchService service;
    private final NodeClock clock;
    private final Map<Path, Folder> folders = new HashMap<>();
    private final List<Folder> paused = new ArrayList<>();

    public enum Kind {
        CREATED,
        DELETED,
        MODIFIED,
        /** Events were lost: list the folders. */
        OVERFLOW
    }

    /**
     * A change in a folder.
     *
     * @param folder as it was added
     * @param name of the entry; empty for OVERFLOW
     */
    public record Event(Path folder, String name, Kind kind) {
    }

    /** A watched folder and its rate of events. */
    private static final class Folder {
        private final Path path;
        private final WatchKey key;
        private long secondBegan;
        private int events;
        private long pausedUntil;

        private Folder(Path path, WatchKey key) {
            this.path = path;
            this.key = key;
        }

        private boolean isBusy(long now) {
            if (now - secondBegan > SECOND) {
                secondBegan = now;
                events = 0;
            }
            return ++events > MAX_EVENTS_PER_SECOND;
        }
    }

    /**
     * Watches nothing yet.
     *
     * @throws IOException if the system is out of inotify instances (fs.inotify.max_user_instances)
     */
    public Watch(Path anywhere, NodeClock clock) throws IOException {
        service = anywhere.getFileSystem().newWatchService();
        this.clock = clock;
    }

    /**
     * Watches a folder for entries that appear and disappear, or also for entries that change.
     *
     * @throws IOException if the folder was removed, or the system is out of watches (fs.inotify.max_user_watches)
     */
    public void add(Path folder, boolean changesToo) throws IOException {
        WatchKey key = changesToo
                ? folder.register(service, ENTRY_CREATE, ENTRY_DELETE, ENTRY_MODIFY)
                : folder.register(service, ENTRY_CREATE, ENTRY_DELETE);
        folders.put(folder, new Folder(folder, key));
    }

    public void remove(Path path) {
        Folder folder = folders.remove(path);
        if (folder != null) {
            paused.remove(folder);
            folder.key.cancel();
        }
    }

    /** Waits for events, at most so long, or until a paused folder may have some. Empty if there are none, or after close. */
    public List<Event> await(long nanos) throws InterruptedException {
        List<Event> events = new ArrayList<>();
        try {
            resumePaused();
            WatchKey first = service.poll(untilResume(nanos), TimeUnit.NANOSECONDS);
            resumePaused();
            for (WatchKey key = first == null ? service.poll() : first; key != null; key = service.poll()) {
                addEvents(key, events);
            }
        } catch (ClosedWatchServiceException e) {
            return List.of();
        }
        return events;
    }

    private void addEvents(WatchKey key, List<Event> events) {
        Folder folder = folders.get((Path) key.watchable());
        if (folder == null || !folder.key.equals(key)) {
            return; // removed meanwhile
        }
        for (WatchEvent<?> event : key.pollEvents()) {
            events.add(new Event(folder.path, event.context() instanceof Path name ? name.toString() : "",
                    kind(event.kind())));
        }
        long now = clock.nanoTime();
        if (folder.isBusy(now)) {
            folder.pausedUntil = now + PAUSE;
            paused.add(folder);
        } else if (!key.reset()) {
            folders.remove(folder.path);
        }
    }

    private static Kind kind(WatchEvent.Kind<?> kind) {
        if (kind.equals(ENTRY_CREATE)) {
            return Kind.CREATED;
        }
        if (kind.equals(ENTRY_DELETE)) {
            return Kind.DELETED;
        }
        return kind.equals(ENTRY_MODIFY) ? Kind.MODIFIED : Kind.OVERFLOW;
    }

    /** Events of the pause are delivered at once. */
    private void resumePaused() {
        long now = clock.nanoTime();
        for (Folder folder : List.copyOf(paused)) {
            if (folder.pausedUntil - now <= 0) {
                paused.remove(folder);
                if (!folder.key.reset()) {
                    folders.remove(folder.path);
                }
            }
        }
    }

    private long untilResume(long nanos) {
        long now = clock.nanoTime();
        long until = paused.stream().mapToLong(folder -> folder.pausedUntil - now).min().orElse(Long.MAX_VALUE);
        return Math.max(0, Math.min(nanos, until));
    }

    @Override
    public void close() {
        try {
            service.close();
        } catch (IOException e) {
            // Linux has closed it in any case.
        }
    }
}
