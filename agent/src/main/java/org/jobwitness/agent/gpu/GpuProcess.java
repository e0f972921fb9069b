package org.jobwitness.agent.gpu;

import org.jspecify.annotations.Nullable;

/**
 * A process that has a GPU open.
 *
 * @param pid as the node numbers it, not a container in it
 * @param memoryBytes of the GPU's own
 * @param utilizationPercent of the GPU, 0..100, since it was asked before
 */
public record GpuProcess(int pid, @Nullable Long memoryBytes, @Nullable Double utilizationPercent) {
    public GpuProcess {
        if (pid <= 0) {
            throw new IllegalArgumentException("pid " + pid);
        }
        GpuState.requireWithin("memoryBytes", memoryBytes, Long.MAX_VALUE);
        GpuState.requireWithin("utilizationPercent", utilizationPercent, 100);
    }
}
