package org.jobwitness.agent.gpu;

import org.jspecify.annotations.Nullable;

/**
 * A process that has a GPU open.
 *
 * @param pid in the namespace of the node, not of a container
 * @param memoryBytes of GPU memory
 * @param utilizationPercent of the GPU, 0..100, since the previous reading
 */
public record GpuProcess(int pid, @Nullable Long memoryBytes, @Nullable Double utilizationPercent) {
    public GpuProcess {
        if (pid <= 0) {
            throw new IllegalArgumentException("pid " + pid);
        }
        memoryBytes = GpuState.isWithin(memoryBytes, 0, Long.MAX_VALUE) ? memoryBytes : null;
        utilizationPercent = GpuState.isWithin(utilizationPercent, 0, 100) ? utilizationPercent : null;
    }
}
