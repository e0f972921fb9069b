package org.jobwitness.cli.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jobwitness.cli.service.ConfFile;

/** This machine: settings, Slurm's configuration, scripts, cgroups, GPUs, the agent, and the spool of events. */
public final class MachineChecks {
    private static final List<String> SLURM_CONFS = List.of("etc/slurm/slurm.conf", "run/slurm/conf/slurm.conf",
            "etc/slurm-llnl/slurm.conf");
    private static final List<String> NVML = List.of("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
            "usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1", "usr/lib64/libnvidia-ml.so.1", "usr/lib/libnvidia-ml.so.1");
    private static final Pattern EVENT = Pattern.compile("([0-9]{10})-.*\\.json");
    /** The agent sends events after 0.3 seconds, a script after 10. */
    private static final Duration MAX_EVENT_AGE = Duration.ofMinutes(10);
    private static final String MANUAL = "docs/slurm-integration.md";

    private final Path root;
    private final ConfFile conf;
    private final Clock clock;
    private final List<CheckResult> results = new ArrayList<>();

    /**
     * Checks of one machine.
     *
     * @param root of its file system
     */
    public MachineChecks(Path root, ConfFile conf, Clock clock) {
        this.root = root;
        this.conf = conf;
        this.clock = clock;
    }

    public List<CheckResult> all() {
        results.clear();
        Optional<SlurmConf> slurm = slurmConf();
        slurm.ifPresent(this::slurm);
        MungeVersion.check(root).ifPresent(results::add);
        if (isComputeNode()) {
            settings();
            slurm.ifPresent(found -> {
                script(found, "Prolog", "prolog");
                script(found, "Epilog", "epilog");
            });
            cgroups();
            agent();
            spool();
            gpus();
        } else {
            results.add(
                    CheckResult.unknown("this machine", "slurmd does not run here: scripts, cgroups, agent, spool and"
                            + " GPUs are checked on compute nodes only"));
        }
        return List.copyOf(results);
    }

    /** It has the scope of jobs' cgroups, or a process of slurmd. */
    private boolean isComputeNode() {
        return !matching("sys/fs/cgroup/system.slice", "*slurmstepd.scope").isEmpty()
                || Files.exists(root.resolve("run/slurmd.pid")) || Files.exists(root.resolve("run/slurm/slurmd.pid"))
                || Files.isDirectory(root.resolve("sys/fs/cgroup/system.slice/slurmd.service"));
    }

    private void settings() {
        if (conf.values().isEmpty()) {
            results.add(CheckResult.problem("settings", conf.path() + " is missing or empty, so the scripts use"
                    + " http://localhost:8080",
                    "write OBSERVABILITY_API_URL and OBSERVABILITY_TOKEN_FILE into it: " + MANUAL));
            return;
        }
        String url = conf.values().get("OBSERVABILITY_API_URL");
        results.add(CheckResult.ok("settings", conf.path() + (url == null
                ? " lacks OBSERVABILITY_API_URL, which means http://localhost:8080"
                : " has OBSERVABILITY_API_URL=" + url)));
        agentToken();
    }

    private void agentToken() {
        String file = conf.values().get("OBSERVABILITY_TOKEN_FILE");
        if (file == null) {
            results.add(CheckResult.problem("agent token",
                    "OBSERVABILITY_TOKEN_FILE is not set, so scripts and agent send no token",
                    "copy the server's agent.token here and name it in " + conf.path()));
        } else if (!Files.exists(under(file))) {
            results.add(Files.isReadable(Optional.ofNullable(under(file).getParent()).orElse(root))
                    ? CheckResult.problem("agent token", file + " does not exist",
                            "install -m 0640 -g jobwitness agent.token " + file)
                    : CheckResult.unknown("agent token", file + " is not accessible to this user; try as root"));
        } else {
            existingToken(file);
        }
    }

    private void existingToken(String file) {
        try {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(under(file));
            if (permissions.contains(PosixFilePermission.OTHERS_READ)
                    || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
                results.add(CheckResult.problem("agent token", "all users may read or write " + file,
                        "chmod 0640 " + file + ", and change the token: docs/settings.md, \"Tokens\""));
                return;
            }
            results.add(CheckResult.ok("agent token", file + meaning(under(file))));
        } catch (IOException e) {
            results.add(CheckResult.unknown("agent token", file + " cannot be read: " + e.getMessage()));
        }
    }

    private static String meaning(Path token) throws IOException {
        if (!Files.isReadable(token)) {
            return " exists";
        }
        return Files.readString(token).startsWith("node-")
                ? " is for some nodes, or one cluster"
                : " is for all nodes: who reads it can report jobs of all";
    }

    private Optional<SlurmConf> slurmConf() {
        for (String candidate : SLURM_CONFS) {
            Path path = root.resolve(candidate);
            if (Files.isReadable(path)) {
                try {
                    return Optional.of(SlurmConf.read(path));
                } catch (IOException e) {
                    results.add(CheckResult.unknown("slurm.conf", path + " cannot be read: " + e.getMessage()));
                    return Optional.empty();
                }
            }
        }
        results.add(CheckResult.unknown("slurm.conf", "none in /etc/slurm, /run/slurm/conf or /etc/slurm-llnl"));
        return Optional.empty();
    }

    private void slurm(SlurmConf slurm) {
        String reconfigure = ", then scontrol reconfigure (before Slurm 23.11: restart slurmctld and slurmd)";
        Optional<String> flags = slurm.last("PrologFlags");
        check(slurm.has("PrologFlags", "Contain"), "PrologFlags", flags.orElse(""),
                flags.map(set -> "it is " + set + ", without Contain").orElse("it is not set")
                        + ": counters of jobs may restart between steps, and starts may be missed",
                "PrologFlags=Alloc,Contain in " + slurm.path() + reconfigure);
        boolean tracked = slurm.last("ProctrackType").orElse("proctrack/cgroup").equalsIgnoreCase("proctrack/cgroup");
        boolean limited = slurm.has("TaskPlugin", "task/cgroup") || slurm.has("TaskPlugin", "cgroup");
        String missing = tracked ? "TaskPlugin is without task/cgroup" : "ProctrackType is not proctrack/cgroup";
        check(tracked && limited, "Slurm's cgroups", "proctrack/cgroup and task/cgroup",
                missing + ": jobs have no cgroups to be measured or limited",
                "ProctrackType=proctrack/cgroup and TaskPlugin=task/cgroup in " + slurm.path() + reconfigure);
        memoryLimits(slurm);
    }

    private void memoryLimits(SlurmConf slurm) {
        Path file = slurm.path().resolveSibling("cgroup.conf");
        try {
            boolean limits = Files.isReadable(file)
                    && SlurmConf.read(file).last("ConstrainRAMSpace").orElse("no").equalsIgnoreCase("yes");
            check(limits, "memory limits", "ConstrainRAMSpace=yes",
                    file + " lacks ConstrainRAMSpace=yes: jobs that run out of memory are not recognized",
                    "ConstrainRAMSpace=yes in " + file);
        } catch (IOException e) {
            results.add(CheckResult.unknown("memory limits", file + " cannot be read: " + e.getMessage()));
        }
    }

    /** @param setting Prolog or Epilog: paths, glob patterns, or lists of them */
    private void script(SlurmConf slurm, String setting, String name) {
        List<String> set = slurm.all(setting).stream().flatMap(list -> List.of(list.split(",")).stream())
                .map(String::strip).filter(path -> path.startsWith("/")).toList();
        List<Path> scripts = set.stream().flatMap(pattern -> files(pattern).stream()).filter(this::isOurs).toList();
        if (scripts.isEmpty()) {
            String found = set.isEmpty()
                    ? setting + " is not set in " + slurm.path()
                    : setting + "=" + String.join(",", set) + " is not the script of jobwitness";
            results.add(CheckResult.problem(name, found + ": starts or ends of jobs are not reported",
                    setting + "=/usr/lib/jobwitness/" + name + " in " + slurm.path()
                            + ", once the file is on every node"));
            return;
        }
        for (Path script : scripts) {
            check(Files.isExecutable(script), name, display(script) + " is set in slurm.conf",
                    display(script) + " is not executable, so Slurm drains the node", "chmod 755 " + display(script));
        }
    }

    /** By the comment at its head. */
    private boolean isOurs(Path script) {
        try {
            return Files.isReadable(script)
                    && Files.readString(script, StandardCharsets.ISO_8859_1).contains("\n# jobwitness: ");
        } catch (IOException e) {
            return false;
        }
    }

    private List<Path> files(String pattern) {
        int slash = pattern.lastIndexOf('/');
        return matching(pattern.substring(1, Math.max(1, slash)), pattern.substring(slash + 1));
    }

    private void cgroups() {
        Path cgroup = root.resolve("sys/fs/cgroup");
        check(Files.exists(cgroup.resolve("cgroup.controllers")), "cgroup", "version 2",
                "version 2 is not mounted at /sys/fs/cgroup, so nothing is measured",
                "boot with systemd.unified_cgroup_hierarchy=1, and CgroupPlugin=autodetect in cgroup.conf");
    }

    private void agent() {
        Path processes = root.resolve("sys/fs/cgroup/system.slice/jobwitness-agent.service/cgroup.procs");
        try {
            boolean runs = Files.exists(processes) && !Files.readString(processes).isBlank();
            check(runs, "agent", "jobwitness-agent.service is running", "jobwitness-agent.service is not running",
                    "systemctl enable --now jobwitness-agent; then jobwitness-agent check");
        } catch (IOException e) {
            results.add(CheckResult.unknown("agent", processes + " cannot be read: " + e.getMessage()));
        }
    }

    private void spool() {
        String spool = conf.values().getOrDefault("JOBWITNESS_SPOOL_DIR", "/var/spool/jobwitness");
        Path folder = under(spool);
        if (!Files.isDirectory(folder)) {
            results.add(CheckResult.unknown("spool", spool + " does not exist; the first prolog creates it"));
            return;
        }
        Instant stuckBefore = clock.instant().minus(MAX_EVENT_AGE);
        long stuck = matching(spool.substring(1) + "/events", "*.json").stream()
                .map(file -> EVENT.matcher(file.getFileName().toString()))
                .filter(name -> name.matches()
                        && Instant.ofEpochSecond(Long.parseLong(name.group(1))).isBefore(stuckBefore))
                .count();
        int refused = matching(spool.substring(1) + "/refused", "*.json").size();
        if (stuck > 0) {
            results.add(CheckResult.problem("spool", stuck + " events have waited for more than 10 minutes",
                    "journalctl -t jobwitness shows why; " + MANUAL + ", \"The spool grows\""));
        }
        if (refused > 0) {
            results.add(CheckResult.problem("spool", refused + " events were rejected by the service",
                    "journalctl -t jobwitness shows why; " + MANUAL + ", \"Files in refused/\""));
        }
        if (stuck == 0 && refused == 0) {
            results.add(CheckResult.ok("spool", "no event is waiting in " + spool));
        }
    }

    private void gpus() {
        int nvidia = matching("dev", "nvidia[0-9]*").size();
        int amd = (int) matching("sys/class/drm", "card*").stream()
                .filter(card -> Files.exists(card.resolve("device/gpu_busy_percent"))).count();
        if (nvidia == 0 && amd == 0) {
            results.add(CheckResult.ok("GPUs", "this node has none"));
        }
        if (nvidia > 0) {
            boolean library = NVML.stream().anyMatch(path -> Files.exists(root.resolve(path)));
            check(library, "GPUs", nvidia + " of NVIDIA, with libnvidia-ml.so.1",
                    nvidia + " of NVIDIA, but libnvidia-ml.so.1 was not found",
                    "install the driver's NVML library; ldconfig -p | grep nvidia-ml shows it");
        }
        if (amd > 0) {
            results.add(CheckResult.ok("GPUs", amd + " of AMD, with gpu_busy_percent in sysfs"));
        }
    }

    private void check(boolean ok, String what, String good, String bad, String advice) {
        results.add(ok ? CheckResult.ok(what, good) : CheckResult.problem(what, bad, advice));
    }

    private List<Path> matching(String folder, String glob) {
        Path path = root.resolve(folder);
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path, glob)) {
            entries.forEach(found::add);
        } catch (IOException e) {
            return List.of();
        }
        return found;
    }

    /** A path below the root that is checked. */
    private Path under(String absolute) {
        return root.resolve(absolute.replaceFirst("^/+", ""));
    }

    private String display(Path path) {
        return "/" + root.relativize(path);
    }
}
