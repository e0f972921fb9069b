package org.jobwitness.agent.gpu;

/** A source told nothing at all of its GPUs; the message is the cause, in words for whoever looks for the figures. */
public final class GpuSourceException extends Exception {
    private static final long serialVersionUID = 1L;

    public GpuSourceException(String cause) {
        super(cause);
    }
}
