package org.jobwitness.server;

import java.util.Locale;

/**
 * Every setting of the server: its name in the environment, its default, and what it does. docs/settings.md is checked
 * against this.
 */
enum Setting {
    JOBWITNESS_DATA_DIR("$XDG_DATA_HOME/jobwitness, or ~/.local/share/jobwitness",
            "Folder for the embedded PostgreSQL and the generated tokens."),
    HOST("0.0.0.0",
            "Address to listen on."),
    PORT("8080",
            "Port to listen on; 0 lets the system choose."),
    DATABASE_URL(
            "unset: the embedded PostgreSQL is started",
            "PostgreSQL 14 or newer to use instead, as postgres://user:password@host/database?sslmode=... or jdbc:postgresql:..."),
    DATABASE_CONNECTIONS(
            "10", "Connections to the database, 2..200."),
    AUTH("on",
            "on: requests need a token. off: they do not; allowed on a loopback HOST only."),
    DEFAULT_CLUSTER(
            "default",
            "Cluster of events that name none."),
    MAX_CONNECTIONS(
            "20000",
            "HTTP connections held at once; more wait to be accepted. 10..1000000."),
    REQUEST_DEADLINE_SECONDS(
            "15",
            "Time that a request may take to arrive in full, 1..600; then it is cut off."),
    SCHEDULER_BACKEND(
            "mock",
            "mock: no scheduler. slurm: Slurm, by SLURM_BASE_URL or SLURM_COMMANDS."),
    SLURM_BASE_URL("unset",
            "slurmrestd, as http://host:port, https://host:port or unix:/path/of/socket."),
    SLURM_API_VERSION("unset: the newest that both sides support",
            "Version of Slurm's API and JSON, v0.0.39 to v0.0.45."),
    SLURM_AUTH_TOKEN("unset: no token",
            "The server's token for slurmrestd; not needed on a Unix socket."),
    SLURM_AUTH_TOKEN_FILE("unset",
            "A file with that token instead. It is read for each call, so that it may be renewed at any time."),
    SLURM_CA_FILE("unset: the CA certificates of Java",
            "PEM bundle of trusted CA certificates for slurmrestd, or for the proxy before it, where SLURM_BASE_URL is https."),
    SLURM_USER_NAME("unset: the token's own",
            "The user name sent to slurmrestd beside the token."),
    SLURM_COMMANDS("unset",
            "Without slurmrestd: the folder of squeue, sacct and scontrol, which the server runs."),
    SLURM_INTERVAL_SECONDS("15",
            "Time between two polls of Slurm's list of jobs, 5..3600."),
    SEED_DEMO(
            "false",
            "true: tells of a simulated cluster named demo, with a week of history; only with SCHEDULER_BACKEND=mock."),
    METRICS_RETENTION_DAYS("7",
            "Days for which samples are kept, 1..3650; older ones are refused. What a run came to use stays with the run."),
    JOB_RETENTION_DAYS("400",
            "Days for which a run is kept after its end, METRICS_RETENTION_DAYS..36500; then it is deleted."),
    AUDIT_RETENTION_DAYS("800",
            "Days for which the audit trail is kept, JOB_RETENTION_DAYS..36500; it leaves by whole months."),
    VERDICT_MIN_SAMPLES("20",
            "Samples of a node or GPU before a verdict judges its use, 1..10000."),
    VERDICT_USED_PERCENT("40",
            "A verdict reports CPUs, memory or time of which a job used less than this, 0..100."),
    VERDICT_GPU_IDLE_MINUTES("30",
            "Minutes that a GPU may be idle after its last use before a verdict reports it, 1..100000."),
    VERDICT_GPU_LOW_PERCENT("20",
            "A verdict reports low use of GPUs below this average utilization, 0..100."),
    VERDICT_IMBALANCE_PERCENT("25",
            "A verdict reports nodes with less CPU use than this part of the busiest one's, 0..100."),
    VERDICT_MEMORY_NEAR_PERCENT("95",
            "A verdict reports memory that reaches this part of its limit, 50..100."),
    VERDICT_STALL_PERCENT("10",
            "A verdict reports jobs that waited, or were throttled, for this part of their time, 1..100."),
    VERDICT_COVERAGE_PERCENT("80",
            "A verdict warns where samples cover less than this part of a job's time, 0..100."),
    VERDICT_SHORT_JOBS("50",
            "Short jobs of one user and name in a day before a verdict reports them, 2..2000."),
    VERDICT_MARGIN_PERCENT("20",
            "Margin that a verdict adds to the memory or time that a job used, 0..1000.");

    private final String byDefault;
    private final String effect;

    Setting(String byDefault, String effect) {
        this.byDefault = byDefault;
        this.effect = effect;
    }

    String byDefault() {
        return byDefault;
    }

    String effect() {
        return effect;
    }

    /** The command line's spelling: {@code --database-url}. */
    String flag() {
        return "--" + name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
