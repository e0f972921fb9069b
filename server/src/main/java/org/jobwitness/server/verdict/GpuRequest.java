package org.jobwitness.server.verdict;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * By which option a job asked for GPUs, as Slurm has recorded it.
 *
 * @param type of GPU; null for any
 * @param count of each job, node, socket or task
 * @param isAlone whether the option asked for nothing else
 */
record GpuRequest(Per per, @Nullable String type, int count, boolean isAlone) {
    /** {@code gres/gpu:2}, {@code gres/gpu:3090:2}, {@code gres:gpu:a100:2} (22.05) or {@code gres/gpu=2} (a task's, from 23.02 on). */
    private static final Pattern GPUS = Pattern.compile("gres[/:]gpu(?::([^:=,]+))??(?:[:=]([0-9]{1,6}))?(?=,|$)");

    /** Of what the count is. */
    enum Per {
        JOB("--gpus"),
        /** Also {@code --gpus-per-node}: Slurm does not record which. */
        NODE("--gres"),
        SOCKET("--gpus-per-socket"),
        TASK("--gpus-per-task");

        private final String option;

        Per(String option) {
            this.option = option;
        }

        String option() {
            return option;
        }
    }

    /** Null if none of Slurm's texts asks for GPUs. A request in several terms, or for several types, is that of the first. */
    static @Nullable GpuRequest of(@Nullable String perJob, @Nullable String perNode, @Nullable String perSocket,
            @Nullable String perTask) {
        return Stream.of(of(Per.JOB, perJob), of(Per.NODE, perNode), of(Per.SOCKET, perSocket), of(Per.TASK, perTask))
                .flatMap(request -> request).findFirst().orElse(null);
    }

    private static Stream<GpuRequest> of(Per per, @Nullable String text) {
        Matcher gpus = GPUS.matcher(text == null ? "" : text);
        if (!gpus.find()) {
            return Stream.of();
        }
        String rest = gpus.group().equals(text) ? "" : String.valueOf(text).replace(gpus.group(), "");
        boolean isAlone = rest.replaceAll("cpu[:=][0-9]+|,", "").isEmpty();
        return Stream.of(new GpuRequest(per, gpus.group(1), gpus.group(2) == null ? 1 : Integer.parseInt(gpus.group(2)),
                isAlone));
    }

    /** As a value of the option: {@code 2}, {@code a100:2} or {@code gpu:2}. */
    String value(long gpus) {
        return (per == Per.NODE ? "gpu:" : "") + (type == null ? "" : type + ":") + gpus;
    }
}
