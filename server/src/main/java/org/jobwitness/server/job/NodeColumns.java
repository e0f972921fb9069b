package org.jobwitness.server.job;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/** Each column of the table {@code job_node} that a node reports, once. {@code cpus} is not among them: the scheduler knows it. */
final class NodeColumns extends TableColumns<NodeAllocation> {
    private final Column<NodeAllocation, String> node = text("node", NodeAllocation::node);
    private final Column<NodeAllocation, Integer> gpus = integer("gpus", NodeAllocation::gpus);
    private final Column<NodeAllocation, GpuVendor> gpuVendor = constants("gpu_vendor", GpuVendor.class,
            NodeAllocation::gpuVendor);
    private final Column<NodeAllocation, List<String>> gpuDevices = texts("gpu_devices", NodeAllocation::gpuDevices);
    private final Column<NodeAllocation, String> cgroupPath = text("cgroup_path", NodeAllocation::cgroupPath);
    private final Column<NodeAllocation, Boolean> ended = flag("ended", NodeAllocation::ended);

    NodeColumns() {
        super("on_node_");
    }

    /** From a row that may have none. */
    @Nullable
    NodeAllocation read(ResultSet row) throws SQLException {
        return node.read(row) == null
                ? null
                : new NodeAllocation(node.known(row), gpus.read(row), gpuVendor.read(row), gpuDevices.known(row),
                        cgroupPath.read(row), ended.known(row));
    }
}
