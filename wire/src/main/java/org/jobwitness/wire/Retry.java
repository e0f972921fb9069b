package org.jobwitness.wire;

import java.util.List;
import org.jobwitness.wire.Verdict.Option;

/**
 * Whether it is worth submitting a job again, for workflow managers and scripts that have to decide without a person.
 *
 * @param how what to change
 * @param why for people
 * @param options to submit it with: of {@code more_memory} and {@code more_time}, as far as the amount is known
 * @param excludeNodes of {@code other_node}, for {@code sbatch --exclude}; empty if it is not known which
 */
public record Retry(RetryHow how, String why, List<Option> options, List<String> excludeNodes) {

    public Retry {
        why = Checks.requiredText("why", why, Integer.MAX_VALUE);
        options = List.copyOf(options);
        excludeNodes = List.copyOf(excludeNodes);
    }
}
