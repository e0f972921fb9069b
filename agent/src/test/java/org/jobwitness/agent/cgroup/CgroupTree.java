package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Cgroups in plain files: what a captured tree held, or a job made up. */
public final class CgroupTree {
    private static final Path CAPTURED = Path.of("../slurm/captured/slurm-24.11").toAbsolutePath().normalize();

    private final Path root;

    /** @param folder what is to be the cgroup root */
    public CgroupTree(Path folder) {
        root = folder;
        write("cgroup.controllers", "cpuset cpu io memory pids\n");
    }

    public Path root() {
        return root;
    }

    public Path scope() {
        return folder("system.slice/slurmstepd.scope");
    }

    public Path folder(String path) {
        try {
            return Files.createDirectories(root.resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void write(String path, String text) {
        Path file = root.resolve(path);
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Removes a folder as Slurm does, from its depths. */
    public void remove(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A job with all files that a kernel gives, in round numbers; and as a kernel does, all at once. */
    public Path job(String name) {
        String job = "being made/" + name;
        write(job + "/cgroup.events", "populated 1\nfrozen 0\n");
        write(job + "/cpu.stat", "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nthrottled_usec 0\n");
        write(job + "/cpuset.cpus", "0-1\n");
        write(job + "/cpuset.cpus.effective", "0-1\n");
        write(job + "/memory.current", "1000000\n");
        write(job + "/memory.peak", "2000000\n");
        write(job + "/memory.max", "4000000\n");
        write(job + "/memory.swap.current", "0\n");
        write(job + "/memory.stat", "anon 600000\nfile 300000\nkernel 100000\nshmem 1000\n");
        write(job + "/memory.events", events(0, 0));
        for (String pressure : List.of("cpu", "memory", "io")) {
            write(job + "/" + pressure + ".pressure", """
                    some avg10=0.00 avg60=0.00 avg300=0.00 total=20
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=10
                    """);
        }
        write(job + "/pids.current", "7\n");
        write(job + "/io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n");
        try {
            return Files.move(root.resolve(job), scope().resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void step(Path job, String step, int ooms, int kills, String limit) {
        Path folder = root.relativize(job).resolve("step_" + step);
        write(folder + "/memory.events", events(ooms, kills));
        write(folder + "/user/memory.max", limit + "\n");
        write(folder + "/slurm/cgroup.procs", "");
    }

    /** The processes of a step, as Slurm leaves them when it suspends the job, and otherwise. */
    public void tasks(Path job, String step, boolean populated, boolean frozen) {
        write(root.relativize(job).resolve("step_" + step) + "/user/cgroup.events",
                "populated " + (populated ? 1 : 0) + "\nfrozen " + (frozen ? 1 : 0) + "\n");
    }

    public static String events(int ooms, int kills) {
        return "low 0\nhigh 0\nmax 56\noom " + ooms + "\noom_kill " + kills + "\noom_group_kill 0\n";
    }

    /** The job of the recording {@code tree-contain}: every file of each of its folders. */
    public Path captured() {
        String folder = "";
        String file = "";
        StringBuilder text = new StringBuilder();
        String below = "/sys/fs/cgroup/";
        Path job = null;
        boolean isContents = false;
        for (String line : lines(CAPTURED.resolve("tree-contain/tree-full.txt"))) {
            if (line.startsWith("### contents of " + below) || line.startsWith("-- ")) {
                if (isContents && !file.isEmpty()) {
                    write(folder + "/" + file, text.toString());
                }
                text.setLength(0);
                file = "";
                if (line.startsWith("### ")) {
                    isContents = true;
                    folder = line.substring(("### contents of " + below).length());
                    job = job == null ? folder(folder) : job;
                } else if (!line.endsWith("(no such file)")) {
                    file = line.substring(3).strip();
                }
            } else if (isContents && !line.isBlank()) {
                text.append(line).append('\n');
            }
        }
        if (!file.isEmpty()) {
            write(folder + "/" + file, text.toString());
        }
        return job;
    }

    /** What was seen of the files of a job that ran out of memory: {@code time path file content}, in order. */
    public static List<String> changes(String run) {
        return lines(CAPTURED.resolve(run + "/cgroup-changes.txt"));
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
