package org.jobwitness.agent.gpu;

import java.time.Duration;
import java.util.List;

/**
 * One driver's word of its GPUs. A call may hang for as long as the driver does; only one thread makes them, which is not the
 * sampler's. {@link #name}, {@link #isThere} and {@link #keepUpEvery} ask no driver, and are anybody's.
 */
public interface GpuSource extends AutoCloseable {
    /** For logs and causes: {@code NVML}, {@code nvidia-smi}. */
    String name();

    /** Whether the node has such a driver now, which may be loaded long after the agent's start. Before it is, nothing is read. */
    default boolean isThere() {
        return true;
    }

    /**
     * All its GPUs, and how they have been since the call before. The first call after the start, a failure or {@link #release}
     * opens what it needs.
     *
     * @throws GpuSourceException if nothing can be told of any of them; it may be asked again
     */
    List<GpuState> read() throws GpuSourceException;

    /** Takes in what the driver would have forgotten by the next read. Called between reads that worked. */
    default void keepUp() {
    }

    /** How often {@link #keepUp} is called for. */
    default Duration keepUpEvery() {
        return Duration.ofSeconds(10);
    }

    /** Lets go of all that keeps the driver from being unloaded or a GPU from being reset. */
    void release();

    @Override
    void close();
}
