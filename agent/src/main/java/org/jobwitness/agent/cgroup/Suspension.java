package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whether Slurm has suspended a job. It freezes the tasks of each step in the step's folder {@code user}
 * (cgroup_p_step_suspend in Slurm's src/plugins/cgroup/v2/cgroup_v2.c), two seconds after a SIGTSTP; so the job's own
 * cgroup.events never has {@code frozen 1}. A job with a running step is running, and the file of such a step is kept
 * open: usually one read.
 */
final class Suspension implements Closeable {
    private enum Tasks {
        RUNNING,
        FROZEN,
        /** There are none, or they cannot be read. */
        NONE
    }

    private final Steps steps;
    private @Nullable KernelFile running;

    Suspension(Path job) {
        steps = new Steps(job);
    }

    /** Null if unknown: no step has readable tasks. */
    @Nullable
    Boolean isOn(KernelText text) {
        KernelFile known = running;
        if (known != null && tasks(known, text) == Tasks.RUNNING) {
            return false;
        }
        close();
        boolean isFrozen = false;
        for (Path step : steps.folders()) {
            try {
                KernelFile file = new KernelFile(step.resolve("user/cgroup.events"));
                Tasks tasks = tasks(file, text);
                if (tasks == Tasks.RUNNING) {
                    running = file;
                    return false;
                }
                file.close();
                isFrozen |= tasks == Tasks.FROZEN;
            } catch (IOException e) {
                // being removed or created
            }
        }
        return isFrozen ? Boolean.TRUE : null;
    }

    private static Tasks tasks(KernelFile file, KernelText text) {
        try {
            file.read(text);
        } catch (IOException e) {
            return Tasks.NONE;
        }
        if (text.keyed("populated") != 1) {
            return Tasks.NONE;
        }
        return text.keyed("frozen") == 1 ? Tasks.FROZEN : Tasks.RUNNING;
    }

    @Override
    public void close() {
        KernelFile file = running;
        if (file != null) {
            file.close();
            running = null;
        }
    }
}
