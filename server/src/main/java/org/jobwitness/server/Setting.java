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
            "mock: no scheduler is asked. slurm: asking slurmrestd is not built yet, so that it only switches SEED_DEMO off."),
    SEED_DEMO(
            "false",
            "true: tells of a simulated cluster named demo, with a week of history; only with SCHEDULER_BACKEND=mock."),
    METRICS_RETENTION_DAYS("7",
            "Days for which samples are kept, 1..3650; older ones are refused. What a run came to use stays with the run."),
    JOB_RETENTION_DAYS("400",
            "Days for which a run is kept after its end, METRICS_RETENTION_DAYS..36500; then it is deleted."),
    AUDIT_RETENTION_DAYS("800",
            "Days for which the audit trail is kept, JOB_RETENTION_DAYS..36500; it leaves by whole months.");

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
