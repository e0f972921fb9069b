package org.jobwitness.agent.cgroup;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Where jobs are: {@code slurmstepd.scope}, or {@code <node>_slurmstepd.scope} where Slurm was built for several slurmd on one
 * machine, most often in {@code system.slice}, in another slice with CgroupSlice, and deeper where slurmd runs in a container
 * (Slurm's src/plugins/cgroup/v2/cgroup_v2.c).
 */
public final class Scopes {
    private static final String NAME = "slurmstepd.scope";
    private static final int DEEPEST = 6;
    /** Folders that are looked into: a node that has more is none whose cgroups we understand. */
    private static final int MOST_FOLDERS = 20_000;

    private final Path root;
    private final String nodeByDefault;

    /** To look below a root; {@code node} is the node whose scope says none. */
    public Scopes(Path root, String node) {
        this.root = root;
        this.nodeByDefault = node;
    }

    /** A folder of jobs, and the node whose jobs they are. */
    public record Scope(Path folder, String node) {
    }

    /** All there are now; none if Slurm has not been started since the boot, or does not use cgroup v2. */
    public List<Scope> find() {
        List<Scope> scopes = new ArrayList<>();
        Deque<Path> toLookInto = new ArrayDeque<>(List.of(root));
        for (int looked = 0; !toLookInto.isEmpty() && looked < MOST_FOLDERS; looked++) {
            Path parent = toLookInto.removeFirst();
            for (Path folder : foldersIn(parent)) {
                String name = folder.getFileName().toString();
                if (name.equals(NAME)) {
                    scopes.add(new Scope(folder, nodeByDefault));
                } else if (name.endsWith("_" + NAME)) {
                    scopes.add(new Scope(folder, name.substring(0, name.length() - NAME.length() - 1)));
                } else if (folder.getNameCount() - root.getNameCount() < DEEPEST) {
                    toLookInto.add(folder);
                }
            }
        }
        return scopes;
    }

    /** The folders of jobs in a scope. */
    public static List<Path> jobsIn(Path scope) {
        return foldersIn(scope).stream().filter(folder -> JobName.of(folder.getFileName().toString()).isPresent())
                .toList();
    }

    private static List<Path> foldersIn(Path parent) {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> inside = Files.newDirectoryStream(parent,
                path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))) {
            inside.forEach(folders::add);
        } catch (IOException | DirectoryIteratorException e) {
            return folders; // it has gone meanwhile, or is not ours to read
        }
        return folders;
    }
}
