package org.jobwitness.server.job;

import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What a run has on one node, as the node reports it.
 *
 * @param gpus how many GPUs of the node the run has
 * @param ended whether the node has reported the run's end
 */
public record NodeAllocation(String node, @Nullable Integer gpus, @Nullable GpuVendor gpuVendor,
        List<String> gpuDevices, @Nullable String cgroupPath, boolean ended) {

    public NodeAllocation {
        gpuDevices = List.copyOf(gpuDevices);
    }

    NodeAllocation merge(NodeAllocation incoming, Differences differences) {
        return new NodeAllocation(node, differences.keep("gpus", gpus, incoming.gpus),
                differences.keep("gpu_vendor", gpuVendor, incoming.gpuVendor),
                differences.keep("gpu_devices", gpuDevices, incoming.gpuDevices),
                differences.keep("cgroup_path", cgroupPath, incoming.cgroupPath), ended || incoming.ended);
    }
}
