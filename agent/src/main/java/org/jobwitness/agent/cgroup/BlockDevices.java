package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Which block devices are physical. I/O of a logical volume appears twice in io.stat, for the volume and for the disk below it;
 * only the disk is counted.
 */
final class BlockDevices {
    private final Path folder;
    private final Map<Long, Boolean> physical = new HashMap<>();

    /** @param folder /sys/dev/block: a folder for each device, named {@code major:minor}, with the devices below it in {@code slaves} */
    BlockDevices(Path folder) {
        this.folder = folder;
    }

    boolean isPhysical(long major, long minor) {
        return physical.computeIfAbsent(major << 32 | minor, _ -> hasNoSlaves(major, minor));
    }

    private boolean hasNoSlaves(long major, long minor) {
        try (DirectoryStream<Path> slaves = Files.newDirectoryStream(folder.resolve(major + ":" + minor + "/slaves"))) {
            return !slaves.iterator().hasNext();
        } catch (IOException e) {
            return true; // a partition, or a system without this folder
        }
    }
}
