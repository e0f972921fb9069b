package org.jobwitness.agent.cgroup;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jobwitness.wire.Figure;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * Detects the OOM kills of one job, from the counters in memory.events. The job's file counts for everything below it and keeps
 * the count when a step is removed; a step's own file shows whose processes were killed.
 *
 * <p>{@code oom} rises where a limit was reached: in the cgroup that has the limit, and those above it. Where {@code oom_kill}
 * rises alone, the node ran out of memory, or a cgroup above the job. When a whole group is killed, one {@code oom} stands for
 * many kills, which the kernel may count one after the other.
 */
final class OomKillDetector {
    /** As Slurm names them; no other folder is one. */
    private static final Pattern STEP = Pattern.compile("[A-Za-z0-9+._-]{1,64}");
    private static final Duration SAME_KILL = Duration.ofSeconds(1);

    private final Path folder;
    private final Steps steps;
    private final Map<String, Long> killedInStep = new HashMap<>();
    private long ooms;
    private long killed;
    private @Nullable Instant lastOfLimit;

    OomKillDetector(Path folder) {
        this.folder = folder;
        this.steps = new Steps(folder);
    }

    /** Earlier kills have no known time and are not reported. */
    void begin(long oomsSoFar, long killedSoFar, KernelText text) {
        ooms = Math.max(0, oomsSoFar);
        killed = Math.max(0, killedSoFar);
        if (killed > 0) {
            newKillsInSteps(text);
        }
    }

    /** The kills since the last call. */
    List<OomKill> since(Instant at, long oomsNow, long killedNow, KernelText text) {
        long more = killedNow - killed;
        if (more <= 0) {
            return List.of();
        }
        boolean metLimit = oomsNow > ooms
                || (lastOfLimit != null && Duration.between(lastOfLimit, at).compareTo(SAME_KILL) < 0);
        if (metLimit) {
            lastOfLimit = at;
        }
        ooms = Math.max(ooms, oomsNow);
        killed = killedNow;

        OomCause cause = metLimit ? OomCause.LIMIT : OomCause.NODE;
        long limitOfJob = Steps.single(folder.resolve("memory.max"), text);
        List<OomKill> kills = new ArrayList<>();
        for (Map.Entry<Path, Long> step : newKillsInSteps(text).entrySet()) {
            long limitOfStep = Steps.single(step.getKey().resolve("user/memory.max"), text);
            kills.add(kill(at, Steps.name(step.getKey()), step.getValue(),
                    limitOfStep == KernelText.NONE ? limitOfJob : limitOfStep, cause));
            more -= step.getValue();
        }
        if (more > 0) {
            kills.add(kill(at, null, more, limitOfJob, cause));
        }
        return kills;
    }

    private static OomKill kill(Instant at, @Nullable String step, long count, long limit, OomCause cause) {
        boolean isLimit = limit != KernelText.NONE && limit <= Figure.MAX_WHOLE;
        return new OomKill(at, step != null && STEP.matcher(step).matches() ? step : null,
                (int) Math.min(count, Integer.MAX_VALUE), isLimit ? limit : null, cause);
    }

    private Map<Path, Long> newKillsInSteps(KernelText text) {
        Map<Path, Long> more = new HashMap<>();
        for (Path step : steps.folders()) {
            long now = Steps.keyed(step.resolve("memory.events"), "oom_kill", text);
            Long before = now == KernelText.NONE ? null : killedInStep.put(Steps.name(step), now);
            long difference = now - (before == null ? 0 : before);
            if (now > 0 && difference > 0) {
                more.put(step, difference);
            }
        }
        return more;
    }
}
