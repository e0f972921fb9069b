package org.jobwitness.server.job;

import java.util.List;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * What one node knows of a run.
 *
 * @param gpus how many GPUs of this node the run has
 * @param ended whether this node has said that the run ended
 */
public record NodeAllocation(String node, @Nullable Integer gpus, @Nullable GpuVendor gpuVendor,
        List<String> gpuDevices,
        @Nullable String cgroupPath, boolean ended) {

    public NodeAllocation {
        gpuDevices = List.copyOf(gpuDevices);
    }

    NodeAllocation add(NodeAllocation said, Differences differences) {
        return new NodeAllocation(node, differences.keep("gpus", gpus, said.gpus),
                differences.keep("gpu_vendor", gpuVendor, said.gpuVendor),
                differences.keep("gpu_devices", gpuDevices, said.gpuDevices),
                differences.keep("cgroup_path", cgroupPath, said.cgroupPath), ended || said.ended);
    }
}
