package org.jobwitness.server.scheduler;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Slurm that this host belongs to.
 *
 * @param conf its configuration
 * @param commands the folder of its commands; empty if they are not here
 */
public record LocalSlurm(Path conf, Optional<Path> commands) {
    /** The problem of a server for which nobody has set SCHEDULER_BACKEND. */
    public static final String NOT_ASKED = "Slurm is not asked, so ends of jobs are not confirmed and little can be advised:"
            + " set SCHEDULER_BACKEND=slurm with SLURM_COMMANDS or SLURM_BASE_URL, or SCHEDULER_BACKEND=none if there is no"
            + " Slurm";
    private static final List<String> CONFS = List.of("/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf",
            "/etc/slurm-llnl/slurm.conf");
    private static final List<String> FOLDERS = List.of("/usr/bin", "/usr/local/bin", "/opt/slurm/bin");

    /**
     * Looks where Slurm is usually installed.
     *
     * @param root of the file system
     */
    public static Optional<LocalSlurm> find(Path root, Map<String, String> environment) {
        return Stream.concat(Stream.ofNullable(environment.get("SLURM_CONF")), CONFS.stream())
                .filter(path -> path.startsWith("/") && Files.isReadable(in(root, path))).findFirst()
                .map(path -> new LocalSlurm(Path.of(path), FOLDERS.stream()
                        .filter(folder -> Stream.of("squeue", "sacct", "scontrol")
                                .allMatch(command -> Files.isExecutable(in(root, folder).resolve(command))))
                        .findFirst().map(Path::of)));
    }

    private static Path in(Path root, String absolute) {
        return root.resolve(absolute.substring(1));
    }

    /** What would let the server ask it. */
    public String settings() {
        return "SCHEDULER_BACKEND=slurm and " + commands.map(folder -> "SLURM_COMMANDS=" + folder)
                .orElse("SLURM_BASE_URL=http://HOST:6820, the address of slurmrestd");
    }
}
