package org.jobwitness.server.verdict;

import java.util.Arrays;
import java.util.Optional;
import org.jobwitness.server.verdict.RunEvidence.ReportedEnd;
import org.jspecify.annotations.Nullable;

/**
 * Errors of Slurm's node daemon (slurm/slurm_errno.h) that it reports in place of a wait(2) status: 4021 is {@code 0:53} to the
 * macros of wait(2). No process ever ends so: either there is no signal, or there is no exit code.
 */
enum SlurmdError {
    FOLDER(4010, "create the folder for its batch script"),
    ENVIRONMENT(4014, "set up its environment"),
    USER(4016, "run it as its user"),
    EXECUTE(4020, "start its batch script"),
    IO(4021, "open its output file, or enter its working folder"),
    PROLOG(4022, "run the node's prolog"),
    CONTAINER(4031, "set up its container"),
    CPUS(4032, "bind it to its CPUs"),
    CHDIR(4100, "enter its working folder"),
    OUTPUT(4101, "open its output file");

    private static final int FIRST_REAL_TIME = 34;
    /** A run that was sampled so often did run: its signal is a signal. */
    private static final int MAX_SAMPLES = 8;

    final int number;
    private final String failed;

    SlurmdError(int number, String failed) {
        this.number = number;
        this.failed = failed;
    }

    /** {@code open its output file, or enter its working folder}: what the node could not do. */
    String failed() {
        return failed;
    }

    /** Whether a file or folder that the job names is the cause, most likely. */
    boolean isOfFiles() {
        return this == IO || this == CHDIR || this == OUTPUT;
    }

    private int exitCode() {
        return number >> 8 & 0xff;
    }

    private int signal() {
        return number & 0x7f;
    }

    /** The error in place of the status with which a run's batch script ended. */
    static Optional<SlurmdError> of(RunEvidence evidence) {
        ReportedEnd end = evidence.reported();
        return evidence.samples() > MAX_SAMPLES ? Optional.empty() : of(end.exitCode(), end.signal());
    }

    /** By both halves of the number, or by the second one alone, which most of Slurm's tools show, if no common signal has it. */
    private static Optional<SlurmdError> of(@Nullable Integer exitCode, @Nullable Integer signal) {
        if (signal == null) {
            return Optional.empty();
        }
        return Arrays.stream(values()).filter(error -> error.signal() == signal)
                .filter(error -> (exitCode == null || exitCode == 0)
                        ? error.signal() >= FIRST_REAL_TIME
                        : error.exitCode() == exitCode)
                .findFirst();
    }
}
