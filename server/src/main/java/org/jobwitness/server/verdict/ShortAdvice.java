package org.jobwitness.server.verdict;

import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Finding;
import org.jobwitness.wire.Verdict.NextRequest;
import org.jobwitness.wire.Verdict.Outcome;

/** What to do, in a few sentences: about the end, else about the gravest finding, and what to ask for next time. */
final class ShortAdvice {
    private ShortAdvice() {
    }

    static String of(RunEvidence evidence, Outcome outcome, List<Finding> findings, NextRequest next) {
        List<String> sentences = Stream.of(about(outcome, findings, next), next(next)).filter(text -> !text.isEmpty())
                .toList();
        return sentences.isEmpty() ? nothing(evidence, outcome.cause()) : String.join(" ", sentences);
    }

    private static String about(Outcome outcome, List<Finding> findings, NextRequest next) {
        if (outcome.advice() != null) {
            return outcome.advice();
        }
        // Of a job that completed, the numbers to ask for are the advice.
        return findings.stream().filter(finding -> finding.severity() != Severity.INFO && next.options().isEmpty())
                .findFirst().map(Finding::advice).orElse("");
    }

    private static String next(NextRequest next) {
        return next.options().isEmpty()
                ? ""
                : "Next time, ask for " + Phrases.list(next.options().stream()
                        .map(option -> option.name() + "=" + option.value()).toList())
                        + ".";
    }

    private static String nothing(RunEvidence evidence, Cause cause) {
        return switch (cause) {
            case PENDING -> "Nothing to do while it waits.";
            case RUNNING -> "Nothing to do while it runs.";
            case COMPLETED -> "Nothing needs to change.";
            case UNKNOWN, LOST, REQUEUED, SIGNAL ->
                "See Slurm's record: sacct -D -j " + evidence.run().id() + " -o JobID,State,ExitCode,End.";
            case COMPLETED_DESPITE_OOM, OUT_OF_MEMORY, NODE_OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, PREEMPTED,
                    NODE_FAILURE, EXIT_CODE, LAUNCH_FAILURE, PROLOG_FAILURE, GPU_FAILURE, DEADLINE, REVOKED ->
                "Nothing needs to be done.";
        };
    }
}
