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

/**
 * What happens in folders of cgroups, as inotify tells it: jobs and steps that come and go, and files that the kernel changes
 * of its own accord, as far as somebody holds them open (cgroup.events, memory.events; kernel/cgroup/cgroup.c,
 * cgroup_file_notify).
 *
 * <p>The kernel tells of a file at most every 10 ms. A job that lives at its limit keeps it telling, so a folder that will not be
 * quiet is listened to ten times a second only. To be used by one thread, but for {@link #close}.
 */
public final class Watch implements Closeable {
    /** This often in a second, and a folder has become loud. */
    private static final int LOUD = 10;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long REST = TimeUnit.MILLISECONDS.toNanos(100);

    private final WatchService service;
    private final Map<Path, Ear> ears = new HashMap<>();
    private final List<Ear> resting = new ArrayList<>();

    /** What happened. */
    public enum Kind {
        MADE,
        REMOVED,
        CHANGED,
        /** So much that the kernel or we could not keep up: look for yourself. */
        MUCH
    }

    /**
     * Something happened.
     *
     * @param folder as it was added
     * @param name of what is in it; empty for MUCH
     */
    public record Event(Path folder, String name, Kind kind) {
    }

    /** What is known of how loud a folder is. */
    private static final class Ear {
        private final Path folder;
        private final WatchKey key;
        private long secondBegan;
        private int heard;
        private long restsUntil;

        private Ear(Path folder, WatchKey key) {
            this.folder = folder;
            this.key = key;
        }

        private boolean isLoud(long now) {
            if (now - secondBegan > SECOND) {
                secondBegan = now;
                heard = 0;
            }
            return ++heard > LOUD;
        }
    }

    /**
     * Listens to nothing yet.
     *
     * @throws IOException where the system has no more of inotify to give (fs.inotify.max_user_instances)
     */
    public Watch(Path anywhere) throws IOException {
        service = anywhere.getFileSystem().newWatchService();
    }

    /**
     * Listens to a folder: to what comes and goes in it, or to what changes too.
     *
     * @throws IOException if the folder has gone, or there can be no more watches (fs.inotify.max_user_watches)
     */
    public void add(Path folder, boolean changesToo) throws IOException {
        WatchKey key = changesToo
                ? folder.register(service, ENTRY_CREATE, ENTRY_DELETE, ENTRY_MODIFY)
                : folder.register(service, ENTRY_CREATE, ENTRY_DELETE);
        ears.put(folder, new Ear(folder, key));
    }

    public void remove(Path folder) {
        Ear ear = ears.remove(folder);
        if (ear != null) {
            resting.remove(ear);
            ear.key.cancel();
        }
    }

    /** Waits until something happens, at most so long. Empty if nothing did, or if this was closed. */
    public List<Event> await(long nanos) throws InterruptedException {
        List<Event> events = new ArrayList<>();
        try {
            long now = System.nanoTime();
            long until = now + nanos;
            wakeRested(now);
            WatchKey key = service.poll(shortest(nanos, now), TimeUnit.NANOSECONDS);
            while (key == null && until - System.nanoTime() > 0) {
                now = System.nanoTime();
                wakeRested(now);
                key = service.poll(shortest(until - now, now), TimeUnit.NANOSECONDS);
            }
            for (; key != null; key = service.poll()) {
                hear(key, events);
            }
        } catch (ClosedWatchServiceException e) {
            return List.of();
        }
        return events;
    }

    private void hear(WatchKey key, List<Event> events) {
        Ear ear = ears.get((Path) key.watchable());
        if (ear == null || !ear.key.equals(key)) {
            return; // it was removed while it told
        }
        for (WatchEvent<?> event : key.pollEvents()) {
            events.add(new Event(ear.folder, event.context() instanceof Path name ? name.toString() : "",
                    kind(event.kind())));
        }
        long now = System.nanoTime();
        if (ear.isLoud(now)) {
            ear.restsUntil = now + REST;
            resting.add(ear);
        } else if (!key.reset()) {
            ears.remove(ear.folder);
        }
    }

    private static Kind kind(WatchEvent.Kind<?> kind) {
        if (kind.equals(ENTRY_CREATE)) {
            return Kind.MADE;
        }
        if (kind.equals(ENTRY_DELETE)) {
            return Kind.REMOVED;
        }
        return kind.equals(ENTRY_MODIFY) ? Kind.CHANGED : Kind.MUCH;
    }

    /** What it heard while it rested is told at once. */
    private void wakeRested(long now) {
        for (Ear ear : List.copyOf(resting)) {
            if (ear.restsUntil - now <= 0) {
                resting.remove(ear);
                if (!ear.key.reset()) {
                    ears.remove(ear.folder);
                }
            }
        }
    }

    private long shortest(long nanos, long now) {
        long shortest = nanos;
        for (Ear ear : resting) {
            shortest = Math.min(shortest, ear.restsUntil - now);
        }
        return Math.max(0, shortest);
    }

    @Override
    public void close() {
        try {
            service.close();
        } catch (IOException e) {
            // Linux has closed it all the same.
        }
    }
}
