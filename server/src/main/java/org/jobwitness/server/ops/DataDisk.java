package org.jobwitness.server.ops;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Free space and size of the disk with the data folder, and so with the embedded PostgreSQL. */
public final class DataDisk {
    /** Some minutes of a large cluster. */
    private static final long MIN_FREE_BYTES = 512L << 20;
    /** Of small disks. */
    private static final long MIN_FREE_SHARE = 20;

    private DataDisk() {
    }

    /** Why the embedded PostgreSQL will soon be unable to write; empty if there is room, or it is not known how much. */
    public static Optional<String> problem(Path dataDir) {
        try {
            FileStore disk = Files.getFileStore(dataDir);
            return problem(disk.getUsableSpace(), disk.getTotalSpace());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    static Optional<String> problem(long free, long size) {
        return free >= Math.min(MIN_FREE_BYTES, size / MIN_FREE_SHARE)
                ? Optional.empty()
                : Optional.of("the disk of the data folder has " + (free >> 20) + " MiB left of " + (size >> 20)
                        + "; nothing can be stored when it is full");
    }

    private interface Space {
        long bytes(FileStore disk) throws IOException;
    }

    public static void register(Path dataDir, PrometheusRegistry metrics) {
        gauge("jobwitness_data_disk_free_bytes", "Room that is left on the disk of the data folder.", dataDir,
                FileStore::getUsableSpace, metrics);
        gauge("jobwitness_data_disk_size_bytes", "Size of the disk of the data folder.", dataDir,
                FileStore::getTotalSpace, metrics);
    }

    /** Without a value while it cannot be read. */
    private static void gauge(String name, String help, Path dataDir, Space space, PrometheusRegistry metrics) {
        GaugeWithCallback.builder().name(name).help(help).callback(gauge -> {
            try {
                gauge.call((double) space.bytes(Files.getFileStore(dataDir)));
            } catch (IOException e) {
                // Unknown, so absent.
            }
        }).register(metrics);
    }
}
