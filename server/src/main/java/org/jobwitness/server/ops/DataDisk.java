package org.jobwitness.server.ops;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/** Free space and size of the disk with the data folder, and so with the embedded PostgreSQL. */
public final class DataDisk {
    private DataDisk() {
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
