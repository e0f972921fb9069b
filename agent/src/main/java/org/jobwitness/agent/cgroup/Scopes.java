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
    private static final int MAX_DEPTH = 6;
    /** Folders to search. More are no cgroup tree that Slurm makes. */
    private static final int MAX_FOLDERS = 20_000;

    private final Path root;
    private final String nodeByDefault;

    /** {@code node} is the node of a scope that does not name one. */
    public Scopes(Path root, String node) {
        this.root = root;
        this.nodeByDefault = node;
    }

    /** A folder of jobs, and their node. */
    public record Scope(Path folder, String node) {
    }

    /** All scopes now; none if Slurm has not been started since the boot, or does not use cgroup v2. */
    public List<Scope> find() {
        List<Scope> scopes = new ArrayList<>();
        Deque<Path> pending = new ArrayDeque<>(List.of(root));
        for (int searched = 0; !pending.isEmpty() && searched < MAX_FOLDERS; searched++) {
            Path parent = pending.removeFirst();
            for (Path folder : foldersIn(parent)) {
                String name = folder.getFileName().toString();
                if (name.equals(NAME)) {
                    scopes.add(new Scope(folder, nodeByDefault));
                } else if (name.endsWith("_" + NAME)) {
                    scopes.add(new Scope(folder, name.substring(0, name.length() - NAME.length() - 1)));
                } else if (folder.getNameCount() - root.getNameCount() < MAX_DEPTH) {
                    pending.add(folder);
                }
            }
        }
        return scopes;
    }

    /** Whether the name of this scope is that of its node, too. */
    public static boolean isNamed(Path scope) {
        return !scope.endsWith(NAME);
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
            return folders; // removed meanwhile, or not readable
        }
        return folders;
    }
}
