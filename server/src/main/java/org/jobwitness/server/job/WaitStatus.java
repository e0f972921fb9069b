package org.jobwitness.server.job;

/**
 * A wait(2) status in its two halves.
 *
 * @param exitCode 0..255
 * @param signal 0 for none
 */
public record WaitStatus(int exitCode, int signal) {
    /** Slurm marks an OOM kill by raw status 253, which is signal 125 to the macros of wait(2) (slurm_protocol_defs.h). */
    private static final int OOM_SIGNAL = 125;

    /** From a raw status, as SLURM_JOB_EXIT_CODE and SLURM_JOB_DERIVED_EC hold it. */
    public static WaitStatus ofRaw(int raw) {
        return new WaitStatus(raw >> 8 & 0xff, raw & 0x7f);
    }

    boolean isOom() {
        return signal == OOM_SIGNAL;
    }

    public boolean isZero() {
        return exitCode == 0 && signal == 0;
    }
}
