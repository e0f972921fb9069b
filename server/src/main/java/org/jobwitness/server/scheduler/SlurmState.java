package org.jobwitness.server.scheduler;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jspecify.annotations.Nullable;

/**
 * A job's state in Slurm's words: a base state, and flags beside it, such as {@code COMPLETED COMPLETING}. Until v0.0.39 it
 * is one word only. Unknown words are ignored.
 */
record SlurmState(List<String> words) {
    private static final Set<String> WAITS = Set.of("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
            "RESV_DEL_HOLD", "SPECIAL_EXIT");
    private static final Set<String> GOES_ON = Set.of("RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT",
            "SUSPENDED");
    /** The final states, as parameters for slurmdbd. */
    static final List<String> ENDS = List.of("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED",
            "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REQUEUED");
    /** A flag, of a cluster's copy of a job that another cluster of the federation has started: whatever its base state. */
    private static final String REVOKED = "REVOKED";
    /** Of a job's raw state. */
    private static final int MAX_LENGTH = 256;

    SlurmState {
        words = List.copyOf(words);
    }

    /**
     * What it means.
     *
     * @param reason why, for a final state; UNKNOWN where the state does not show it
     */
    record Meaning(JobState state, @Nullable Reason reason) {
    }

    /** For slurmctld. */
    Optional<Meaning> meaning() {
        if (words.contains(REVOKED)) {
            return end(REVOKED);
        }
        if (words.stream().anyMatch(WAITS::contains)) {
            return Optional.of(new Meaning(JobState.PENDING, null));
        }
        if (words.stream().anyMatch(GOES_ON::contains)) {
            return Optional.of(new Meaning(JobState.RUNNING, null));
        }
        return end();
    }

    /** For slurmdbd: there, {@code PENDING REQUEUED} is the end of a run. */
    Optional<Meaning> end() {
        return Stream.concat(Stream.of(REVOKED, "LAUNCH_FAILED").filter(words::contains), words.stream())
                .flatMap(word -> end(word).stream()).findFirst();
    }

    private static Optional<Meaning> end(String word) {
        return Optional.ofNullable(switch (word) {
            case "COMPLETED" -> new Meaning(JobState.COMPLETED, null);
            case "FAILED" -> new Meaning(JobState.FAILED, Reason.UNKNOWN);
            case "TIMEOUT" -> new Meaning(JobState.FAILED, Reason.TIMEOUT);
            case "DEADLINE" -> new Meaning(JobState.FAILED, Reason.DEADLINE);
            case "NODE_FAIL" -> new Meaning(JobState.FAILED, Reason.NODE_FAILURE);
            case "OUT_OF_MEMORY" -> new Meaning(JobState.FAILED, Reason.OUT_OF_MEMORY);
            case "BOOT_FAIL", "LAUNCH_FAILED" -> new Meaning(JobState.FAILED, Reason.LAUNCH_FAILURE);
            case "CANCELLED" -> new Meaning(JobState.CANCELLED, Reason.CANCELLED);
            case REVOKED -> new Meaning(JobState.CANCELLED, Reason.REVOKED);
            case "PREEMPTED" -> new Meaning(JobState.CANCELLED, Reason.PREEMPTED);
            case "REQUEUED" -> new Meaning(JobState.CANCELLED, Reason.REQUEUED);
            default -> null;
        });
    }

    boolean isCompleting() {
        return words.contains("COMPLETING");
    }

    /** {@code COMPLETED}, {@code COMPLETED+COMPLETING}. */
    String raw() {
        String all = String.join("+", words);
        return all.substring(0, Math.min(all.length(), MAX_LENGTH));
    }
}
