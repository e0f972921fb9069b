package org.jobwitness.server.job;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the search finds a run by: its texts in lower case, one a line. Stored with the run, and computed for the stream. */
public final class SearchText {
    private SearchText() {
    }

    public static String of(Run run) {
        JobAttributes attributes = run.attributes();
        return of(run.identity().jobId(),
                task(attributes.scheduler().get("array_job_id"), attributes.scheduler().get("array_task_id")),
                component(attributes.hetJobId(), attributes.scheduler().get("het_job_offset")),
                attributes.scheduler().get("name") instanceof String name ? name : null,
                attributes.user(), attributes.account(), attributes.partition(), attributes.nodes());
    }

    /** {@code 500_7}; null for a job that is not a task of an array. */
    public static @Nullable String task(@Nullable Object arrayJobId, @Nullable Object arrayTaskId) {
        return arrayJobId == null || arrayTaskId == null ? null : arrayJobId + "_" + arrayTaskId;
    }

    /** {@code 510+1}; null for a job that is no component of a heterogeneous job, or where nobody said which. */
    public static @Nullable String component(@Nullable String hetJobId, @Nullable Object hetJobOffset) {
        return hetJobId == null || hetJobOffset == null ? null : hetJobId + "+" + hetJobOffset;
    }

    public static String of(String jobId, @Nullable String task, @Nullable String component, @Nullable String name,
            @Nullable String user, @Nullable String account, @Nullable String partition, List<String> nodes) {
        return Stream.of(jobId, task, component, name, user, account, partition, String.join(" ", nodes))
                .filter(Objects::nonNull)
                .map(SearchText::normalize).collect(Collectors.joining("\n"));
    }

    /** A text in the form in which it is searched for. */
    public static String normalize(String text) {
        return text.toLowerCase(Locale.ROOT);
    }
}
