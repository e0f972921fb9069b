package org.jobwitness.agent.config;

import java.util.Locale;

/**
 * Every setting of the agent: its name in the settings file and the environment, its default, and what it does. The first
 * three are those of the prolog and epilog, which stand in the same file. docs/agent.md is checked against this.
 */
public enum AgentSetting {
    OBSERVABILITY_API_URL("http://localhost:8080", "The service, http or https."),
    OBSERVABILITY_TOKEN_FILE("unset: no token is sent",
            "File with the agent token on its first line, readable by the agent's user. Read again when it changes."),
    JOBWITNESS_SPOOL_DIR("/var/spool/jobwitness",
            "Where prolog and epilog keep their events. Only read: what is still there after 0.3 seconds is sent."),
    JOBWITNESS_INTERVAL("15", "Seconds from one reading of all jobs to the next, 1..300, on the wall clock."),
    JOBWITNESS_AGENT_DIR("/var/lib/jobwitness-agent",
            "Folder for what has not been sent yet, on a local disk."),
    JOBWITNESS_AGENT_SPOOL_MB("64", "The most that is kept there, 1..100000 MiB; the oldest goes first."),
    JOBWITNESS_AGENT_SPOOL_DAYS("7", "The longest that it is kept, 1..365; the server's METRICS_RETENTION_DAYS."),
    JOBWITNESS_CLUSTER("unset: what the prolog said last, or ClusterName in slurm.conf",
            "Slurm's name of the cluster."),
    JOBWITNESS_NODE("unset: the host's name up to its first dot",
            "Slurm's name of the node. Where cgroups tell one (n1_slurmstepd.scope), that goes before."),
    JOBWITNESS_CA_FILE("unset: the authorities that come with the agent",
            "PEM file with the certificates by which the service is known, for https."),
    JOBWITNESS_AGENT_METRICS("unset: nobody listens",
            "Port on 127.0.0.1 for the agent's own Prometheus metrics, at /metrics."),
    JOBWITNESS_GPUS("auto", "auto: the GPUs of this node are read; off: they are left alone."),
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

    /** The command line's spelling: {@code --cgroup-root} for JOBWITNESS_CGROUP_ROOT. */
    public String flag() {
        return "--" + name().replaceFirst("^(JOBWITNESS|OBSERVABILITY)_", "").replaceFirst("^AGENT_", "")
                .toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
