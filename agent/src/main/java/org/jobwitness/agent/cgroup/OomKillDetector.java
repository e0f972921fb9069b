package org.jobwitness.agent.cgroup;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.OomKill;
import org.jspecify.annotations.Nullable;

/**
 * Tells the OOM kills of one job apart, by what memory.events counts. The job's file counts for all below it and keeps the
 * count when a step has gone; a step's own says whose processes they were.
 *
 * <p>{@code oom} rises where a limit was met: in the cgroup that has the limit, and those above it. Where {@code oom_kill}
 * rises alone, the memory of the node ran out, or that of a cgroup above the job. When a whole group is killed, one
 * {@code oom} stands for many kills, which the kernel may count one after the other.
 */
final class OomKillDetector {
    private static final Duration ONE_KILLING = Duration.ofSeconds(1);

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

    /** What had been counted before anybody looked has no moment: it is not told of. */
    void begin(long oomsSoFar, long killedSoFar, KernelText text) {
        ooms = Math.max(0, oomsSoFar);
        killed = Math.max(0, killedSoFar);
        if (killed > 0) {
            newInSteps(text);
        }
    }

    /** What has happened since the last look. */
    List<OomKill> since(Instant at, long oomsNow, long killedNow, KernelText text) {
        long more = killedNow - killed;
        if (more <= 0) {
            return List.of();
        }
        boolean metLimit = oomsNow > ooms
                || (lastOfLimit != null && Duration.between(lastOfLimit, at).compareTo(ONE_KILLING) < 0);
        if (metLimit) {
            lastOfLimit = at;
        }
        ooms = Math.max(ooms, oomsNow);
        killed = killedNow;

        OomCause cause = metLimit ? OomCause.LIMIT : OomCause.NODE;
        long limitOfJob = Steps.single(folder.resolve("memory.max"), text);
        List<OomKill> kills = new ArrayList<>();
        for (Map.Entry<Path, Long> step : newInSteps(text).entrySet()) {
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
        return new OomKill(at, step, (int) Math.min(count, Integer.MAX_VALUE), limit == KernelText.NONE ? null : limit,
                cause);
    }

    private Map<Path, Long> newInSteps(KernelText text) {
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
