package org.jobwitness.agent.cgroup;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whether Slurm has suspended a job. It freezes the tasks of each step in the step's folder {@code user}
 * (cgroup_p_step_suspend in Slurm's src/plugins/cgroup/v2/cgroup_v2.c), two seconds after a SIGTSTP; so the job's own
 * cgroup.events never says {@code frozen 1}. A step that goes on tells that the job does, and the file of such a step is
 * kept open: one read, as a rule.
 */
final class Suspension implements Closeable {
    private enum Tasks {
        GO_ON,
        FROZEN,
        /** There are none, or nobody can tell. */
        NONE
    }

    private final Steps steps;
    private @Nullable KernelFile goesOn;

    Suspension(Path job) {
        steps = new Steps(job);
    }

    /** Null if no step has tasks that tell. */
    @Nullable
    Boolean isOn(KernelText text) {
        KernelFile known = goesOn;
        if (known != null && tasks(known, text) == Tasks.GO_ON) {
            return false;
        }
        close();
        boolean isFrozen = false;
        for (Path step : steps.folders()) {
            try {
                KernelFile file = new KernelFile(step.resolve("user/cgroup.events"));
                Tasks tasks = tasks(file, text);
                if (tasks == Tasks.GO_ON) {
                    goesOn = file;
                    return false;
                }
                file.close();
                isFrozen |= tasks == Tasks.FROZEN;
            } catch (IOException e) {
                // It has gone, or is being made.
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
        return text.keyed("frozen") == 1 ? Tasks.FROZEN : Tasks.GO_ON;
    }

    @Override
    public void close() {
        KernelFile file = goesOn;
        if (file != null) {
            file.close();
            goesOn = null;
        }
    }
}
