package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the processes of a job read and wrote, from {@code /proc/PID/io}, for jobs without io.stat. A process that has ended
 * counts in its parent once that has waited for it (kernel/exit.c, wait_task_zombie), so slurmstepd knows of most; what
 * orphans did is lost with them. So this is the least that the job read and wrote.
 *
 * <p>The kernel shows it to root, and to whoever has both CAP_DAC_READ_SEARCH (the file is its owner's) and CAP_SYS_PTRACE.
 */
final class ProcessIo {
    /** Each is three system calls. */
    private static final int MOST_PROCESSES = 256;

    private final Path proc;
    private final Steps steps;
    private long read;
    private long written;

    ProcessIo(Path proc, Path job) {
        this.proc = proc;
        this.steps = new Steps(job);
    }

    /** Reads all processes. Empty if that worked; else why not. */
    Optional<String> look(KernelText text) {
        List<Integer> pids = steps.daemons(text);
        pids.addAll(steps.tasks(text));
        if (pids.size() > MOST_PROCESSES) {
            return Optional.of(
                    "the io controller is not enabled for jobs, and the job has too many processes to ask each");
        }
        long readNow = 0;
        long writtenNow = 0;
        boolean isAnyTold = false;
        for (int pid : pids) {
            try (KernelFile io = new KernelFile(proc.resolve(pid + "/io"))) {
                io.read(text);
                readNow += Math.max(0, text.keyed("read_bytes:"));
                writtenNow += Math.max(0, text.keyed("write_bytes:"));
                isAnyTold = true;
            } catch (AccessDeniedException e) {
                return Optional
                        .of("the io controller is not enabled for jobs, and the agent may not read /proc/PID/io");
            } catch (IOException e) {
                // It has ended meanwhile, or is hidden (hidepid).
            }
        }
        if (!isAnyTold) {
            return Optional.of("the io controller is not enabled for jobs, and "
                    + (pids.isEmpty() ? "the job has no process now" : "/proc tells of none of its processes"));
        }
        read = Math.max(read, readNow);
        written = Math.max(written, writtenNow);
        return Optional.empty();
    }

    long read() {
        return read;
    }

    long written() {
        return written;
    }
}
