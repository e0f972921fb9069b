package org.jobwitness.server.json;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message as far as it could be taken.
 *
 * @param leftOut what could not be taken, each as a sentence that begins with its field
 * @param dropped elements of lists that were left out as a whole
 */
public record Accepted<T>(T value, List<String> leftOut, List<Dropped> dropped) {
    private static final int MAX_NAMED = 5;

    /**
     * An element of a list.
     *
     * @param jobId its text of that name; null if it has none
     */
    public record Dropped(String list, @Nullable String jobId, String problem) {
    }

    public Accepted {
        leftOut = List.copyOf(leftOut);
        dropped = List.copyOf(dropped);
    }

    /** What was left out, for the sender; empty if nothing was. */
    public static String describe(List<String> leftOut) {
        if (leftOut.isEmpty()) {
            return "";
        }
        return "left out: " + String.join("; ", leftOut.subList(0, Math.min(MAX_NAMED, leftOut.size())))
                + (leftOut.size() > MAX_NAMED ? "; and " + (leftOut.size() - MAX_NAMED) + " more" : "");
    }
}
