package org.jobwitness.cli.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jobwitness.cli.service.ConfFile;

/** This machine: settings, Slurm's configuration, scripts, cgroups, GPUs, the agent, and the spool of events. */
public final class MachineChecks {
    private static final List<String> SLURM_CONFS = List.of("etc/slurm/slurm.conf", "run/slurm/conf/slurm.conf",
            "etc/slurm-llnl/slurm.conf");
    private static final List<String> NVML = List.of("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
            "usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1", "usr/lib64/libnvidia-ml.so.1", "usr/lib/libnvidia-ml.so.1");
    private static final Pattern EVENT = Pattern.compile("([0-9]{10})-.*\\.json");
    /** The agent sends what is older than 0.3 seconds, a hook what is older than 10. */
    private static final Duration STUCK = Duration.ofMinutes(10);
    private static final String MANUAL = "docs/slurm-integration.md";

    private final Path root;
    private final ConfFile conf;
    private final Clock clock;
    private final List<Finding> findings = new ArrayList<>();

    /**
     * Made with what it looks at.
     *
     * @param root of the file system that is looked at
     */
    public MachineChecks(Path root, ConfFile conf, Clock clock) {
        this.root = root;
        this.conf = conf;
        this.clock = clock;
    }

    public List<Finding> all() {
        findings.clear();
        Optional<SlurmConf> slurm = slurmConf();
        slurm.ifPresent(this::slurm);
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
            findings.add(
                    Finding.unknown("this machine", "slurmd does not run here: scripts, cgroups, agent, spool and GPUs"
                            + " are looked at where it does"));
        }
        return List.copyOf(findings);
    }

    /** slurmd has made the scope of its jobs' cgroups, or has its own process here. */
    private boolean isComputeNode() {
        return !matching("sys/fs/cgroup/system.slice", "*slurmstepd.scope").isEmpty()
                || Files.exists(root.resolve("run/slurmd.pid")) || Files.exists(root.resolve("run/slurm/slurmd.pid"))
                || Files.isDirectory(root.resolve("sys/fs/cgroup/system.slice/slurmd.service"));
    }

    private void settings() {
        if (conf.values().isEmpty()) {
            findings.add(Finding.problem("settings", conf.path() + " is missing or says nothing, so the scripts use"
                    + " http://localhost:8080",
                    "write OBSERVABILITY_API_URL and OBSERVABILITY_TOKEN_FILE into it: " + MANUAL));
            return;
        }
        findings.add(Finding.ok("settings", conf.path() + " names "
                + conf.values().getOrDefault("OBSERVABILITY_API_URL",
                        "no service, which means http://localhost:8080")));
        String file = conf.values().get("OBSERVABILITY_TOKEN_FILE");
        if (file == null) {
            findings.add(Finding.problem("agent token",
                    "OBSERVABILITY_TOKEN_FILE is not set, so scripts and agent send none",
                    "copy the server's agent.token here and name it in " + conf.path()));
        } else if (!Files.exists(under(file))) {
            findings.add(Files.isReadable(Optional.ofNullable(under(file).getParent()).orElse(root))
                    ? Finding.problem("agent token", file + " is not there",
                            "install -m 0640 -g jobwitness agent.token " + file)
                    : Finding.unknown("agent token", file + " cannot be seen by this user; root can"));
        } else {
            findings.add(Finding.ok("agent token", file + " is there"));
        }
    }

    private Optional<SlurmConf> slurmConf() {
        for (String candidate : SLURM_CONFS) {
            Path path = root.resolve(candidate);
            if (Files.isReadable(path)) {
                try {
                    return Optional.of(SlurmConf.read(path));
                } catch (IOException e) {
                    findings.add(Finding.unknown("slurm.conf", path + " cannot be read: " + e.getMessage()));
                    return Optional.empty();
                }
            }
        }
        findings.add(Finding.unknown("slurm.conf", "none in /etc/slurm, /run/slurm/conf or /etc/slurm-llnl"));
        return Optional.empty();
    }

    private void slurm(SlurmConf slurm) {
        String reconfigure = ", then scontrol reconfigure (before Slurm 23.11: restart slurmctld and slurmd)";
        if (slurm.has("PrologFlags", "Contain")) {
            findings.add(Finding.ok("PrologFlags", slurm.last("PrologFlags").orElse("")));
        } else {
            findings.add(Finding.problem("PrologFlags", slurm.last("PrologFlags")
                    .map(flags -> "it is " + flags + ", without Contain").orElse("it is not set")
                    + ": counters of jobs may start anew between steps, and starts may be missed",
                    "PrologFlags=Alloc,Contain in " + slurm.path() + reconfigure));
        }
        boolean tracked = slurm.last("ProctrackType").orElse("proctrack/cgroup").equalsIgnoreCase("proctrack/cgroup");
        boolean limited = slurm.has("TaskPlugin", "task/cgroup") || slurm.has("TaskPlugin", "cgroup");
        findings.add(tracked && limited
                ? Finding.ok("Slurm's cgroups", "proctrack/cgroup and task/cgroup")
                : Finding.problem("Slurm's cgroups", (tracked
                        ? "TaskPlugin is without task/cgroup"
                        : "ProctrackType is not proctrack/cgroup") + ": jobs have no cgroups to be measured or limited",
                        "ProctrackType=proctrack/cgroup and TaskPlugin=task/cgroup in " + slurm.path() + reconfigure));
        memoryLimits(slurm);
    }

    private void memoryLimits(SlurmConf slurm) {
        Path file = slurm.path().resolveSibling("cgroup.conf");
        try {
            boolean limits = Files.isReadable(file)
                    && SlurmConf.read(file).last("ConstrainRAMSpace").orElse("no").equalsIgnoreCase("yes");
            findings.add(limits
                    ? Finding.ok("memory limits", "ConstrainRAMSpace=yes")
                    : Finding.problem("memory limits",
                            file + " does not say ConstrainRAMSpace=yes: jobs that run out of"
                                    + " memory are not told from others",
                            "ConstrainRAMSpace=yes in " + file));
        } catch (IOException e) {
            findings.add(Finding.unknown("memory limits", file + " cannot be read: " + e.getMessage()));
        }
    }

    /** @param setting Prolog or Epilog: paths, patterns, or lists of them */
    private void script(SlurmConf slurm, String setting, String name) {
        String ours = "/usr/lib/jobwitness/" + name;
        List<String> set = slurm.all(setting).stream().flatMap(list -> List.of(list.split(",")).stream())
                .map(String::strip).filter(path -> path.startsWith("/")).toList();
        List<Path> scripts = set.stream().flatMap(pattern -> files(pattern).stream()).filter(this::isOurs).toList();
        if (scripts.isEmpty()) {
            findings.add(Finding.problem(name, (set.isEmpty()
                    ? setting + " is not set in " + slurm.path()
                    : "none of " + setting + "=" + String.join(",", set) + " is the one of jobwitness")
                    + ": starts or ends of jobs are not told",
                    setting + "=" + ours + " in " + slurm.path()
                            + ", once the file is on every node"));
            return;
        }
        for (Path script : scripts) {
            findings.add(Files.isExecutable(script)
                    ? Finding.ok(name, shown(script) + " is set in slurm.conf")
                    : Finding.problem(name, shown(script) + " cannot be run, and Slurm drains the node for that",
                            "chmod 755 " + shown(script)));
        }
    }

    /** Ours says so in its first lines. */
    private boolean isOurs(Path script) {
        try {
            return Files.isReadable(script)
                    && Files.readString(script, StandardCharsets.ISO_8859_1).contains("jobwitness: tells the service");
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
        findings.add(Files.exists(cgroup.resolve("cgroup.controllers"))
                ? Finding.ok("cgroup", "version 2")
                : Finding.problem("cgroup", "version 2 is not mounted at /sys/fs/cgroup, so nothing is measured",
                        "boot with systemd.unified_cgroup_hierarchy=1, and CgroupPlugin=autodetect in cgroup.conf"));
    }

    private void agent() {
        Path processes = root.resolve("sys/fs/cgroup/system.slice/jobwitness-agent.service/cgroup.procs");
        try {
            boolean runs = Files.exists(processes) && !Files.readString(processes).isBlank();
            findings.add(runs
                    ? Finding.ok("agent", "jobwitness-agent.service runs")
                    : Finding.problem("agent", "jobwitness-agent.service does not run here",
                            "systemctl enable --now jobwitness-agent; then jobwitness-agent check"));
        } catch (IOException e) {
            findings.add(Finding.unknown("agent", processes + " cannot be read: " + e.getMessage()));
        }
    }

    private void spool() {
        String spool = conf.values().getOrDefault("JOBWITNESS_SPOOL_DIR", "/var/spool/jobwitness");
        Path folder = under(spool);
        if (!Files.isDirectory(folder)) {
            findings.add(Finding.unknown("spool", spool + " is not there; the first prolog makes it"));
            return;
        }
        Instant stuckBefore = clock.instant().minus(STUCK);
        long stuck = matching(spool.substring(1) + "/events", "*.json").stream()
                .map(file -> EVENT.matcher(file.getFileName().toString()))
                .filter(name -> name.matches()
                        && Instant.ofEpochSecond(Long.parseLong(name.group(1))).isBefore(stuckBefore))
                .count();
        int refused = matching(spool.substring(1) + "/refused", "*.json").size();
        if (stuck > 0) {
            findings.add(Finding.problem("spool", stuck + " events wait for more than 10 minutes",
                    "journalctl -t jobwitness says why; " + MANUAL + ", \"The spool grows\""));
        }
        if (refused > 0) {
            findings.add(Finding.problem("spool", refused + " events were refused by the service",
                    "journalctl -t jobwitness says why; " + MANUAL + ", \"Files in refused/\""));
        }
        if (stuck == 0 && refused == 0) {
            findings.add(Finding.ok("spool", "no event waits in " + spool));
        }
    }

    private void gpus() {
        int nvidia = matching("dev", "nvidia[0-9]*").size();
        int amd = (int) matching("sys/class/drm", "card*").stream()
                .filter(card -> Files.exists(card.resolve("device/gpu_busy_percent"))).count();
        if (nvidia == 0 && amd == 0) {
            findings.add(Finding.ok("GPUs", "this node has none"));
        }
        if (nvidia > 0) {
            boolean library = NVML.stream().anyMatch(path -> Files.exists(root.resolve(path)));
            findings.add(library
                    ? Finding.ok("GPUs", nvidia + " of NVIDIA, and the library that reads them")
                    : Finding.problem("GPUs", nvidia + " of NVIDIA, but libnvidia-ml.so.1 was not found",
                            "install the driver's NVML library; ldconfig -p | grep nvidia-ml shows it"));
        }
        if (amd > 0) {
            findings.add(Finding.ok("GPUs", amd + " of AMD, with their use in sysfs"));
        }
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

    /** A path of this machine, below the root that is looked at. */
    private Path under(String absolute) {
        return root.resolve(absolute.replaceFirst("^/+", ""));
    }

    private String shown(Path path) {
        return "/" + root.relativize(path);
    }
}
