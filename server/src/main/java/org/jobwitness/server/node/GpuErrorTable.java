package org.jobwitness.server.node;

import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.knownTime;
import static org.jobwitness.server.db.Columns.micros;
import static org.jobwitness.server.db.Columns.string;
import static org.jobwitness.server.db.Database.streaming;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.wire.GpuReading;

/**
 * Owns when the driver of each GPU last reported which error (NVIDIA's Xid). A reading has only the errors of its interval, which
 * would be seen by who looks just then.
 */
public final class GpuErrorTable {
    /** Of the errors of one node. */
    private static final int MAX_OF_A_NODE = 1000;

    private GpuErrorTable() {
    }

    /**
     * An error of a GPU.
     *
     * @param vendor empty if it is not known
     * @param at when it was last reported
     */
    public record GpuError(String cluster, String node, String gpu, String vendor, int xid, Instant at) {
        private static final Comparator<GpuError> BY_KEY = Comparator.comparing(GpuError::cluster)
                .thenComparing(GpuError::node).thenComparing(GpuError::gpu).thenComparingInt(GpuError::xid);
    }

    /** Those of readings, which may be any number of one node. */
    static void store(Handle handle, List<NodeReading> readings) {
        TreeMap<GpuError, GpuError> newest = new TreeMap<>(GpuError.BY_KEY);
        for (NodeReading reading : readings) {
            for (GpuReading gpu : reading.gpus()) {
                String vendor = gpu.vendor() == null ? "" : gpu.vendor().toString();
                gpu.allXids().stream()
                        .map(xid -> new GpuError(reading.cluster(), reading.node(), gpu.gpu(), vendor, xid,
                                reading.at()))
                        .forEach(
                                error -> newest.merge(error, error,
                                        (one, other) -> other.at().isAfter(one.at()) ? other : one));
            }
        }
        if (newest.isEmpty()) {
            return;
        }
        List<GpuError> errors = new ArrayList<>(newest.values());
        handle.createUpdate("""
                insert into gpu_error as stored (cluster, node, gpu, gpu_vendor, xid, at)
                select cluster, node, gpu, vendor, xid, timestamptz 'epoch' + us * interval '1 microsecond'
                from unnest(:clusters, :nodes, :gpus, :vendors, :xids, :times)
                    as incoming (cluster, node, gpu, vendor, xid, us)
                where (select count(*) from gpu_error other
                    where other.cluster = incoming.cluster and other.node = incoming.node) < :max
                on conflict (cluster, node, gpu, xid) do update set at = greatest(stored.at, excluded.at)""")
                .bindArray("clusters", String.class, each(errors, GpuError::cluster))
                .bindArray("nodes", String.class, each(errors, GpuError::node))
                .bindArray("gpus", String.class, each(errors, GpuError::gpu))
                .bindArray("vendors", String.class, each(errors, GpuError::vendor))
                .bindArray("xids", Integer.class, each(errors, GpuError::xid))
                .bindArray("times", Long.class, each(errors, error -> micros(error.at())))
                .bind("max", MAX_OF_A_NODE).execute();
    }

    /** Those that were reported since a time. */
    public static Stream<GpuError> since(Handle handle, Instant since) {
        return streaming(handle.createQuery("select * from gpu_error where at >= :since").bind("since", since))
                .map((row, _) -> new GpuError(string(row, "cluster"), string(row, "node"), string(row, "gpu"),
                        string(row, "gpu_vendor"), row.getInt("xid"), knownTime(row, "at")))
                .stream();
    }

    /** Deletes those that were last reported before a time. */
    public static int forget(Handle handle, Instant before) {
        return handle.createUpdate("delete from gpu_error where at < :before").bind("before", before).execute();
    }
}
