package org.jobwitness.server.ops;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/** The disk that the data folder is on, and with it the embedded PostgreSQL: how much room it has. */
public final class DataDisk {
    private DataDisk() {
    }

    /** What can be asked of a disk. */
    private interface Room {
        long bytes(FileStore disk) throws IOException;
    }

    public static void register(Path dataDir, PrometheusRegistry metrics) {
        gauge("jobwitness_data_disk_free_bytes", "Room that is left on the disk of the data folder.", dataDir,
                FileStore::getUsableSpace, metrics);
        gauge("jobwitness_data_disk_size_bytes", "Size of the disk of the data folder.", dataDir,
                FileStore::getTotalSpace, metrics);
    }

    /** Without a value while the disk cannot be asked. */
    private static void gauge(String name, String help, Path dataDir, Room room, PrometheusRegistry metrics) {
        GaugeWithCallback.builder().name(name).help(help).callback(gauge -> {
            try {
                gauge.call((double) room.bytes(Files.getFileStore(dataDir)));
            } catch (IOException e) {
                // It is not known, so nothing is said.
            }
        }).register(metrics);
    }
}
