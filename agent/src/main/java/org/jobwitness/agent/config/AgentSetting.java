package org.jobwitness.agent.config;

import java.util.Locale;

/**
 * All settings of the agent: name in the settings file and the environment, default, and effect. The first three are shared with
 * prolog and epilog, which read the same file. A test compares docs/agent.md.
 */
public enum AgentSetting {
    OBSERVABILITY_API_URL("http://localhost:8080", "The service, http or https."),
    OBSERVABILITY_TOKEN_FILE("unset: no token is sent",
            "File with the agent token on its first line, readable by the agent's user. Read again when it changes."),
    JOBWITNESS_SPOOL_DIR("/var/spool/jobwitness",
            "Spool of prolog and epilog, only read. Events that are still there after 0.3 seconds are sent."),
    JOBWITNESS_INTERVAL("15", "Interval between readings of all jobs, 1..300 seconds, aligned to the wall clock."),
    JOBWITNESS_AGENT_DIR("/var/lib/jobwitness-agent",
            "Folder for data that has not been sent yet, on a local disk."),
    JOBWITNESS_AGENT_SPOOL_MB("64", "Maximum size of that data, 1..100000 MiB; the oldest is dropped first."),
    JOBWITNESS_AGENT_SPOOL_DAYS("7", "Maximum age of that data, 1..365 days; use the server's METRICS_RETENTION_DAYS."),
    JOBWITNESS_CLUSTER("unset: the cluster in the last prolog event, or ClusterName in slurm.conf",
            "Slurm's name of the cluster."),
    JOBWITNESS_NODE("unset: the node in the last prolog event, or the host's name up to its first dot",
            "Slurm's name of the node, or, with several slurmd, all of them: n1,n2. A cgroup with another name (n3_slurmstepd.scope) is not read."),
    JOBWITNESS_CA_FILE("unset: the CA certificates that come with the agent",
            "PEM bundle of trusted CA certificates for the service, for https."),
    JOBWITNESS_AGENT_METRICS("unset: not served",
            "Port on 127.0.0.1 for the agent's own Prometheus metrics, at /metrics."),
    JOBWITNESS_GPUS("auto", "auto: the GPUs of this node are read; off: they are not read."),
    JOBWITNESS_CGROUP_ROOT("/sys/fs/cgroup", "Where cgroup v2 is mounted."),
    JOBWITNESS_PROC_ROOT("/proc", "Where proc is mounted."),
    JOBWITNESS_SYS_ROOT("/sys", "Where sysfs is mounted.");

    private final String byDefault;
    private final String effect;

    AgentSetting(String byDefault, String effect) {
        this.byDefault = byDefault;
        this.effect = effect;
    }

    public String byDefault() {
        return byDefault;
    }

    public String effect() {
        return effect;
    }

    /** The flag of the command line: {@code --cgroup-root} for JOBWITNESS_CGROUP_ROOT. */
    public String flag() {
        return "--" + name().replaceFirst("^(JOBWITNESS|OBSERVABILITY)_", "").replaceFirst("^AGENT_", "")
                .toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
