package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The steps of a job, which are folders in its own: {@code step_batch}, {@code step_0}, {@code step_0+1} ..., each with
 * {@code slurm} for slurmstepd and {@code user} for the tasks (Slurm's src/plugins/cgroup/v2/cgroup_v2.c). They come and go
 * while the job runs, so any file of one may be missing.
 */
final class Steps {
    private static final String PREFIX = "step_";
    /** Of one folder, so that a job cannot keep the agent busy. */
    private static final int MAX_ENTRIES = 1000;

    private final Path job;

    Steps(Path job) {
        this.job = job;
    }

    /** Their folders; none if the job has ended. */
    List<Path> folders() {
        return folders(job, PREFIX);
    }

    /** As Slurm calls it: batch, extern, interactive, 0, 0+1. */
    static String name(Path step) {
        return step.getFileName().toString().substring(PREFIX.length());
    }

    /** The slurmstepd processes. */
    List<Integer> daemons(KernelText text) {
        List<Integer> pids = new ArrayList<>();
        for (Path step : folders()) {
            addPids(step.resolve("slurm"), text, pids);
        }
        return pids;
    }

    /** The processes of the job itself. */
    List<Integer> tasks(KernelText text) {
        List<Integer> pids = new ArrayList<>();
        for (Path step : folders()) {
            for (Path task : folders(step.resolve("user"), "task_")) {
                addPids(task, text, pids);
            }
        }
        return pids;
    }

    /** One number of one file; NONE if it cannot be read. */
    static long keyed(Path file, String key, KernelText text) {
        try (KernelFile open = new KernelFile(file)) {
            open.read(text);
            return text.keyed(key);
        } catch (IOException e) {
            return KernelText.NONE;
        }
    }

    static long single(Path file, KernelText text) {
        try (KernelFile open = new KernelFile(file)) {
            open.read(text);
            return text.single();
        } catch (IOException e) {
            return KernelText.NONE;
        }
    }

    private static void addPids(Path folder, KernelText text, List<Integer> pids) {
        try (KernelFile open = new KernelFile(folder.resolve("cgroup.procs"))) {
            open.read(text);
        } catch (IOException e) {
            return;
        }
        text.string().lines().limit(MAX_ENTRIES - (long) pids.size()).filter(line -> line.matches("[1-9][0-9]{0,8}"))
                .map(Integer::valueOf).forEach(pids::add);
    }

    private static List<Path> folders(Path parent, String prefix) {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> inside = Files.newDirectoryStream(parent, prefix + "*")) {
            for (Path folder : inside) {
                if (folders.size() < MAX_ENTRIES) {
                    folders.add(folder);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            return folders; // being removed
        }
        return folders;
    }
}
