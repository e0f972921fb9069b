package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether Slurm has suspended a job, and for how long. It freezes the tasks of each step in the step's folder {@code user}
 * (cgroup_p_step_suspend in Slurm's src/plugins/cgroup/v2/cgroup_v2.c), two seconds after a SIGTSTP; so the job's own
 * cgroup.events never has {@code frozen 1}. A job with a running step is running, and the files of one step are kept
 * open, of a running one if there is one: usually one read, or two where the kernel counts the time ({@code frozen_usec} in
 * cgroup.stat.local).
 */
final class Suspension implements Closeable {
    private enum Tasks {
        RUNNING,
        FROZEN,
        /** There are none, or they cannot be read. */
        NONE
    }

    /** The files of one step's tasks. */
    private static final class Step implements Closeable {
        private final KernelFile events;
        private final @Nullable KernelFile times;
        /** At the last look; NONE if the kernel does not count it. */
        private long frozenUsec = KernelText.NONE;

        Step(Path folder) throws IOException {
            Path tasks = folder.resolve("user");
            events = new KernelFile(tasks.resolve("cgroup.events"));
            times = openIfThere(tasks.resolve("cgroup.stat.local"));
        }

        private static @Nullable KernelFile openIfThere(Path file) {
            try {
                return new KernelFile(file);
            } catch (IOException e) {
                return null; // older than this file
            }
        }

        Tasks tasks(KernelText text) {
            try {
                events.read(text);
            } catch (IOException e) {
                return Tasks.NONE;
            }
            if (text.keyed("populated") != 1) {
                return Tasks.NONE;
            }
            return text.keyed("frozen") == 1 ? Tasks.FROZEN : Tasks.RUNNING;
        }

        /** How long its tasks were frozen since the last look; null if that, or the last look, does not show it. */
        @Nullable
        Duration frozenSince(KernelText text) {
            long before = frozenUsec;
            frozenUsec = KernelText.NONE;
            KernelFile file = times;
            if (file == null) {
                return null;
            }
            try {
                file.read(text);
                frozenUsec = text.keyed("frozen_usec");
            } catch (IOException e) {
                return null;
            }
            return before == KernelText.NONE || frozenUsec < before
                    ? null
                    : Duration.of(frozenUsec - before, ChronoUnit.MICROS);
        }

        @Override
        public void close() {
            events.close();
            KernelFile file = times;
            if (file != null) {
                file.close();
            }
        }
    }

    private final Steps steps;
    private @Nullable Step watched;

    Suspension(Path job) {
        steps = new Steps(job);
    }

    /** Null if unknown: no step has readable tasks. */
    @Nullable
    Boolean isOn(KernelText text) {
        Step known = watched;
        Tasks ofKnown = known == null ? Tasks.NONE : known.tasks(text);
        if (ofKnown == Tasks.RUNNING) {
            return false;
        }
        if (ofKnown == Tasks.NONE) {
            close();
        }
        for (Path folder : steps.folders()) {
            try {
                Step step = new Step(folder);
                Tasks tasks = step.tasks(text);
                if (tasks == Tasks.RUNNING || (tasks == Tasks.FROZEN && watched == null)) {
                    close();
                    watched = step;
                } else {
                    step.close();
                }
                if (tasks == Tasks.RUNNING) {
                    return false;
                }
            } catch (IOException e) {
                // being removed or created
            }
        }
        return watched == null ? null : Boolean.TRUE;
    }

    /**
     * How long it was suspended since the last call, according to the kernel; null where it does not count that, and where
     * {@link #isOn}, which has to be called before, looks at another step than at the last call.
     */
    @Nullable
    Duration frozenSince(KernelText text) {
        Step step = watched;
        return step == null ? null : step.frozenSince(text);
    }

    @Override
    public void close() {
        Step step = watched;
        if (step != null) {
            step.close();
            watched = null;
        }
    }
}
