package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.Phrases.after;
import static org.jobwitness.server.verdict.Phrases.job;

import org.jspecify.annotations.Nullable;

/** Runs whose end is explained by how the batch script ended: with an exit code or by a signal. */
final class ExitEnds {
    private static final int SIGHUP = 1;
    private static final int SIGKILL = 9;
    private static final int EXIT_CODE_OF_SIGKILL = 128 + SIGKILL;
    static final String LOOK_AT_OUTPUT = "Look at the last lines of the job's output (slurm-JOBID.out, or the file set with --output).";

    private ExitEnds() {
    }

    static Explanation completed(RunEvidence evidence) {
        Integer derived = evidence.reported().derivedExitCode();
        return Explanation.of(job(evidence) + " completed" + after(evidence) + ".")
                .meaning(derived == null || derived == 0
                        ? null
                        : "One of its steps ended with " + ExitWords.status(derived)
                                + ". The " + evidence.reported().program()
                                + " went on and ended with exit code 0, so Slurm counts the job as completed.");
    }

    static Explanation exitCode(RunEvidence evidence) {
        Integer code = evidence.reported().exitCode();
        if (code == null || code == 0) {
            return Explanation.of(job(evidence) + " failed" + after(evidence)
                    + ": its " + evidence.reported().program() + " ended with a nonzero exit code.")
                    .advice(LOOK_AT_OUTPUT);
        }
        String notMemory = code == EXIT_CODE_OF_SIGKILL && sawNoOomKill(evidence)
                ? " The usual cause is lack of memory, but no out-of-memory kill was seen on the nodes that were watched."
                : "";
        return Explanation
                .of(job(evidence) + " failed: its " + evidence.reported().program() + " ended with exit code " + code
                        + after(evidence) + ".")
                .meaning(ExitWords.meaningOfExitCode(code) + notMemory).advice(switch (code) {
                    case 126 ->
                        "Find the name of the file in the last lines of the job's output, and make the file executable.";
                    case 127 ->
                        "Look for “command not found” in the job's output. Load the module that has the command, or give its full path.";
                    default -> LOOK_AT_OUTPUT;
                });
    }

    static Explanation signal(RunEvidence evidence, boolean confirmed) {
        Integer signal = evidence.reported().signal();
        if (signal == null || signal == 0) {
            return Explanation.of(job(evidence) + " was ended by a signal" + after(evidence) + ".");
        }
        String meaning = ExitWords.meaningOfSignal(signal);
        return Explanation.of(job(evidence) + " was ended by " + ExitWords.signal(signal) + after(evidence) + ".")
                .meaning(confirmed ? meaning : meaning + doubtAbout(signal))
                .advice(confirmed ? adviceOn(signal, evidence) : null);
    }

    private static String doubtAbout(int signal) {
        return signal == SIGHUP
                ? " But Slurm reports the same when a node has failed."
                : " The node does not know whether the job was cancelled or a program sent the signal.";
    }

    private static @Nullable String adviceOn(int signal, RunEvidence evidence) {
        return signal == SIGKILL && sawNoOomKill(evidence)
                ? "No out-of-memory kill was counted in the job, so its memory limit is not the cause. "
                        + LOOK_AT_OUTPUT
                : LOOK_AT_OUTPUT;
    }

    private static boolean sawNoOomKill(RunEvidence evidence) {
        return evidence.oomKills() == 0 && !evidence.nodes().isEmpty();
    }
}
