package org.jobwitness.wire;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What became of a batch. Whatever the status, all of it that can be stored is durable, and it need not be sent again.
 *
 * @param version the newest version of batches that this server takes
 * @param refusedCount how many entries {@code refused} has
 * @param refused readings, and OOM kills of readings, that were left out, and why; sending them again would change nothing
 * @param message fields that were left out because they cannot be taken, while the rest counts; null if there are none
 */
public record BatchResponse(Status status, int version, int refusedCount, List<Refused> refused,
        @Nullable String message) {

    /** Whether it counted. */
    public enum Status {
        STORED,
        /** A batch of this node, boot id and sequence had been stored before. */
        DUPLICATE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A reading that was left out, or an OOM kill that it brought. */
    public record Refused(String jobId, String cause) {
    }

    public BatchResponse {
        refused = List.copyOf(refused);
        if (refusedCount != refused.size()) {
            throw new IllegalArgumentException("refused_count is " + refusedCount + ", not " + refused.size());
        }
    }

    public static BatchResponse of(Status status, int version, List<Refused> refused, @Nullable String message) {
        return new BatchResponse(status, version, refused.size(), refused, message);
    }
}
