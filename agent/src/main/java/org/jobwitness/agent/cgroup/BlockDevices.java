package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Which block devices stand on no other. What goes through a logical volume is in io.stat twice, of the volume and of the
 * disk below it; it is counted at the disk.
 */
final class BlockDevices {
    private final Path folder;
    private final Map<Long, Boolean> bottoms = new HashMap<>();

    /** @param folder /sys/dev/block: a folder for each device, named {@code major:minor}; {@code slaves} is what it stands on */
    BlockDevices(Path folder) {
        this.folder = folder;
    }

    boolean isBottom(long major, long minor) {
        return bottoms.computeIfAbsent(major << 32 | minor, _ -> standsOnNothing(major, minor));
    }

    private boolean standsOnNothing(long major, long minor) {
        try (DirectoryStream<Path> below = Files.newDirectoryStream(folder.resolve(major + ":" + minor + "/slaves"))) {
            return !below.iterator().hasNext();
        } catch (IOException e) {
            return true; // a partition, or a system that does not tell
        }
    }
}
