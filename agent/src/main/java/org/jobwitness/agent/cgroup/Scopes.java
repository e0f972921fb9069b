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
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jobwitness.agent.files.FileAccess;

/**
 * Where jobs are: {@code slurmstepd.scope}, or {@code <node>_slurmstepd.scope} where Slurm was built for several slurmd on one
 * machine, in {@code system.slice}, or in another slice with CgroupSlice, and deeper where slurmd runs in a container (Slurm's
 * src/plugins/cgroup/v2/cgroup_v2.c).
 *
 * <p>Users may have cgroups of their own, name them as they like, and fill them with what looks like another's job. So a scope
 * counts only if it and all folders above it are root's, and below none where systemd puts users and machines.
 */
public final class Scopes {
    private static final String NAME = "slurmstepd.scope";
    private static final String SLICE = ".slice";
    private static final Set<String> OF_USERS = Set.of("user.slice", "machine.slice");
    private static final int MAX_DEPTH = 6;
    /** Folders to search. More are no cgroup tree that Slurm makes. */
    private static final int MAX_FOLDERS = 20_000;

    private final Path root;
    private final String nodeByDefault;
    private final Predicate<String> isOfThisHost;

    /**
     * @param node the node of a scope that does not name one
     * @param isOfThisHost whether a node of this name may be on this host
     */
    public Scopes(Path root, String node, Predicate<String> isOfThisHost) {
        this.root = root;
        this.nodeByDefault = node;
        this.isOfThisHost = isOfThisHost;
    }

    /** A folder of jobs, and their node. */
    public record Scope(Path folder, String node) {
    }

    /** A folder that only has the name of a scope, or is that of another node, and why it is not read. */
    public record Ignored(Path folder, String node, String cause) {
    }

    /** All of them now; no scopes if Slurm has not been started since the boot, or does not use cgroup v2. */
    public record Found(List<Scope> scopes, List<Ignored> ignored) {
    }

    public Found find() {
        Found found = new Found(new ArrayList<>(), new ArrayList<>());
        Deque<Path> pending = new ArrayDeque<>(List.of(root));
        for (int searched = 0; !pending.isEmpty() && searched < MAX_FOLDERS; searched++) {
            Path parent = pending.removeFirst();
            for (Path folder : foldersIn(parent)) {
                String name = folder.getFileName().toString();
                if (name.equals(NAME)) {
                    add(found, parent, folder, nodeByDefault);
                } else if (name.endsWith("_" + NAME)) {
                    add(found, parent, folder, name.substring(0, name.length() - NAME.length() - 1));
                } else if (folder.getNameCount() - root.getNameCount() < MAX_DEPTH && !OF_USERS.contains(name)
                        && foreignWriter(folder).isEmpty()) {
                    pending.add(folder);
                }
            }
        }
        return found;
    }

    private void add(Found found, Path parent, Path folder, String node) {
        Optional<String> problem = foreignWriter(folder);
        if (problem.isEmpty() && !parent.getFileName().toString().endsWith(SLICE)) {
            problem = Optional.of("it is not in a slice, where Slurm makes it");
        }
        if (problem.isEmpty() && isNamed(folder) && !isOfThisHost.test(node)) {
            problem = Optional.of("no prolog, host name or setting says that " + node + " is on this host");
        }
        problem.ifPresentOrElse(cause -> found.ignored().add(new Ignored(folder, node, cause)),
                () -> found.scopes().add(new Scope(folder, node)));
    }

    /** A cgroup is delegated by making another user the owner of it, or of its files. */
    private static Optional<String> foreignWriter(Path folder) {
        try {
            Optional<String> problem = FileAccess.of(folder).foreignWriter();
            Path processes = folder.resolve("cgroup.procs");
            return problem.isPresent() || !Files.exists(processes)
                    ? problem
                    : FileAccess.of(processes).foreignWriter().map(cause -> "cgroup.procs: " + cause);
        } catch (IOException e) {
            return Optional.of(e.toString()); // removed meanwhile
        }
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
