package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The I/O of a job's processes, from {@code /proc/PID/io}, for jobs without io.stat. An ended process counts in its parent
 * once the parent has waited for it (kernel/exit.c, wait_task_zombie), so slurmstepd has most of it; the I/O of orphans is lost.
 * So this is a lower bound.
 *
 * <p>The kernel shows it to root, and to processes with both CAP_DAC_READ_SEARCH (the file is its owner's) and CAP_SYS_PTRACE.
 */
final class ProcessIo {
    /** Each is three system calls. */
    private static final int MAX_PROCESSES = 256;

    private final Path proc;
    private final Steps steps;
    private long read;
    private long written;

    ProcessIo(Path proc, Path job) {
        this.proc = proc;
        this.steps = new Steps(job);
    }

    /** Reads all processes. Returns the cause if that failed. */
    Optional<String> update(KernelText text) {
        List<Integer> pids = steps.daemons(text);
        pids.addAll(steps.tasks(text));
        if (pids.size() > MAX_PROCESSES) {
            return Optional.of(
                    "the io controller is not enabled for jobs, and the job has too many processes to read each");
        }
        long readNow = 0;
        long writtenNow = 0;
        boolean isAnyRead = false;
        for (int pid : pids) {
            try (KernelFile io = new KernelFile(proc.resolve(pid + "/io"))) {
                io.read(text);
                readNow = KernelText.plus(readNow, Math.max(0, text.keyed("read_bytes:")));
                writtenNow = KernelText.plus(writtenNow, Math.max(0, text.keyed("write_bytes:")));
                isAnyRead = true;
            } catch (AccessDeniedException e) {
                return Optional
                        .of("the io controller is not enabled for jobs, and the agent may not read /proc/PID/io");
            } catch (IOException e) {
                // It has ended meanwhile, or is hidden (hidepid).
            }
        }
        if (!isAnyRead) {
            return Optional.of("the io controller is not enabled for jobs, and "
                    + (pids.isEmpty() ? "the job has no process now" : "/proc shows none of its processes"));
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
