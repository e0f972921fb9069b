package org.jobwitness.agent.gpu;

import java.util.List;

/**
 * One driver's word of its GPUs. A call may hang for as long as the driver does. Only one thread calls it, which is not the
 * sampler's.
 */
public interface GpuSource extends AutoCloseable {
    /** For logs and causes: {@code NVML}, {@code nvidia-smi}. */
    String name();

    /**
     * All its GPUs, and how they have been since the call before. The first call after the start, a failure or {@link #release}
     * opens what it needs.
     *
     * @throws GpuSourceException if nothing can be told of any of them; it may be asked again
     */
    List<GpuState> read() throws GpuSourceException;

    /** Takes in what the driver would have forgotten by the next read. Called every ten seconds, between reads that worked. */
    default void keepUp() {
    }

    /** Lets go of all that keeps the driver from being unloaded or a GPU from being reset. */
    void release();

    @Override
    void close();
}
