package org.jobwitness.agent.gpu;

import java.time.Duration;
import java.util.List;

/**
 * Reads the GPUs of one driver. A call may hang as long as the driver does, so one thread of its own makes all calls.
 * {@link #name}, {@link #isPresent} and {@link #keepUpInterval} ask no driver, and may be called by any thread.
 */
public interface GpuSource extends AutoCloseable {
    /** For logs and causes: {@code NVML}, {@code nvidia-smi}. */
    String name();

    /** Whether the node has such a driver now; it may be loaded long after the agent's start. Without it nothing is read. */
    default boolean isPresent() {
        return true;
    }

    /**
     * All its GPUs, and their state since the call before. The first call after the start, a failure or {@link #release} opens the
     * driver.
     *
     * @throws GpuSourceException if none of them can be read; it may be called again
     */
    List<GpuState> read() throws GpuSourceException;

    /** Fetches samples that the driver would have dropped by the next read. Called between successful reads. */
    default void keepUp() {
    }

    /** How often {@link #keepUp} must be called. */
    default Duration keepUpInterval() {
        return Duration.ofSeconds(10);
    }

    /** Releases everything that keeps the driver from being unloaded or a GPU from being reset. */
    void release();

    @Override
    void close();
}
