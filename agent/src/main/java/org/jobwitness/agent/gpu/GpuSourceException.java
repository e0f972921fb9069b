package org.jobwitness.agent.gpu;

/** A source could not read any of its GPUs; the message is the cause that absent figures show. */
public final class GpuSourceException extends Exception {
    private static final long serialVersionUID = 1L;

    public GpuSourceException(String cause) {
        super(cause);
    }
}
