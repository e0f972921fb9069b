package org.jobwitness.server;

import java.util.Locale;

/** Every setting of the server: its name in the environment, its default, its effect. A test keeps docs/settings.md the same. */
enum Setting {
    JOBWITNESS_DATA_DIR("$XDG_DATA_HOME/jobwitness, or ~/.local/share/jobwitness",
            "Folder of the embedded PostgreSQL and the generated tokens."),
    HOST("0.0.0.0",
            "Address to listen on."),
    PORT("8080",
            "Port to listen on; 0 lets the system choose."),
    TLS_CERT_FILE("unset: plain HTTP",
            "PEM file of the server's certificate and those of intermediate CAs, for https. It is read again when it changes."),
    TLS_KEY_FILE("unset",
            "PEM file of the certificate's private key, without a passphrase. It is read again when it changes."),
    PLAIN_HTTP("on",
            "on: without TLS_CERT_FILE, HTTP without encryption is served on HOST. loopback: only on 127.0.0.1, for a proxy on this machine. "
                    + "The packages set loopback."),
    DATABASE_URL("unset: the embedded PostgreSQL is started",
            "PostgreSQL 14 or newer to use instead: postgres://user:password@host/database?sslmode=... or jdbc:postgresql:..."),
    DATABASE_CONNECTIONS("10",
            "Size of the connection pool, 2..200."),
    AUTH("on",
            "on: requests need a token. off: they do not; only on a loopback HOST."),
    OPERATORS("root",
            "Users who may see and change all jobs once they have signed in, with commas between; @NAME means the members of a group, as this machine knows it."),
    HELPDESK("unset: nobody",
            "Users who may see all jobs and change none; as OPERATORS."),
    PUBLIC_URL("unset: no links from the command",
            "Address at which people's browsers reach this server or the proxy before it, with the proxy's path. With https, cookies are for TLS only."),
    MUNGE_SOCKET("/run/munge/munge.socket.2",
            "Socket of munged, by which users sign in with what MUNGE says of their uid."),
    PROXY_USER_HEADER("unset: no header is trusted",
            "Header in which a proxy that signs people in names the user, such as X-Remote-User. Anybody else who sends it is refused."),
    PROXY_SECRET_FILE("unset",
            "File with the secret, of at least 16 characters, that the proxy sends in X-Jobwitness-Proxy-Secret. It is read for each request."),
    PROXY_ADDRESSES("unset",
            "Addresses of the proxy, with commas between, such as 10.1.0.7 or 10.1.0.0/24."),
    OIDC_ISSUER("unset: no OpenID provider",
            "OpenID provider by which people sign in with a browser, as https://sso.example.org/realms/hpc. PUBLIC_URL and the next two are needed with it."),
    OIDC_CLIENT_ID("unset",
            "This server's client ID at the provider, whose redirect address is PUBLIC_URL with /sign-in/oidc/callback."),
    OIDC_CLIENT_SECRET_FILE("unset",
            "File with the client's secret. It is read for each sign-in."),
    OIDC_CA_FILE("unset: the CA certificates of Java",
            "PEM bundle of trusted CA certificates for the provider."),
    OIDC_SCOPES("openid profile",
            "What the provider is asked for, with blanks between; openid is one."),
    OIDC_USER_CLAIM("preferred_username",
            "Claim of the ID token with the user's name. It must be one that people cannot change themselves."),
    OIDC_USER_PATTERN("[a-z_][a-z0-9_.-]{0,63}",
            "Regular expression for the whole of that claim; its first group, if it has one, is the name that Slurm knows: ([a-z0-9]+)@example[.]org."),
    OIDC_GROUPS_CLAIM("unset: no groups of the provider count",
            "Claim of the ID token with the user's groups, which @NAME in OPERATORS and HELPDESK then mean, too."),
    DEFAULT_CLUSTER("default",
            "Cluster of events that do not name one."),
    CLUSTERS("unset: the first 50 that report",
            "Clusters whose events and batches are taken, with commas between; DEFAULT_CLUSTER is always one."),
    MAX_NODES("20000",
            "Maximum number of nodes that may report batches, 1..1000000; those of further ones are refused."),
    METRICS_MAX_SERIES("3000000",
            "Maximum number of series of jobs and nodes in a scrape of /metrics, 1000..100000000; at most 10000 rows of it are of nodes that neither an agent nor Slurm reports."),
    MAX_CONNECTIONS(
            "one for each 48 KiB of heap beyond 32 MiB, at most 20000 and 7/8 of the open files that the system allows",
            "Maximum number of open HTTP connections, 10..1000000, half of them from one address; further ones take the place of those that have waited longest for their client."),
    REQUEST_DEADLINE_SECONDS("15",
            "Time within which a connection's first request must begin, and each must arrive in full, 1..600; then it is closed."),
    SCHEDULER_BACKEND(
            "none",
            "slurm: Slurm is asked, by SLURM_BASE_URL or SLURM_COMMANDS. mock: the simulated cluster of SEED_DEMO. none: no scheduler; "
                    + "/v1/health names it as a problem unless it is set."),
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
    SLURM_JWKS("unset: only tokens of scontrol token, where SLURM_BASE_URL is set",
            "The site's public keys (JWKS), with which Slurm checks the RS256 tokens of users: a file, or an address with https. Users then sign in with such a token."),
    SLURM_JWT_CLAIM("sun",
            "Claim of such a token with the user's name, as userclaimfield in AuthAltParameters of slurm.conf."),
    SLURM_COMMANDS("unset",
            "Without slurmrestd: the folder of squeue, sacct and scontrol, which the server runs."),
    SLURM_INTERVAL_SECONDS("15",
            "Time between two polls of Slurm's list of jobs, 5..3600."),
    SEED_DEMO("false",
            "true: simulates a cluster named demo, with a week of history; not with SCHEDULER_BACKEND=slurm."),
    METRICS_RETENTION_DAYS("7",
            "Days for which samples are kept, 1..3650; older ones are refused. The totals of a run are kept with the run."),
    JOB_RETENTION_DAYS("400",
            "Days for which a run is kept after its end, METRICS_RETENTION_DAYS..36500; then it is deleted."),
    AUDIT_RETENTION_DAYS("800",
            "Days for which the audit trail is kept, JOB_RETENTION_DAYS..36500; it is deleted by whole months."),
    VERDICT_MIN_SAMPLES("20",
            "Minimum number of samples of a node or GPU for a finding about its use, 1..10000."),
    VERDICT_USED_PERCENT("40",
            "A finding reports CPUs, memory or time of which a job used less than this, 0..100."),
    VERDICT_GPU_IDLE_MINUTES("30",
            "A finding reports a GPU that was idle for this long after the job had used it, 1..100000."),
    VERDICT_GPU_LOW_PERCENT("20",
            "A finding reports GPUs with a mean utilization below this, 0..100."),
    VERDICT_IMBALANCE_PERCENT("25",
            "A finding reports nodes that use less CPU than this share of the busiest node, 0..100."),
    VERDICT_MEMORY_NEAR_PERCENT("95",
            "A finding reports a memory peak at or above this share of the limit, 50..100."),
    VERDICT_STALL_PERCENT("10",
            "A finding reports jobs that were stalled for at least this share of their time, 1..100."),
    VERDICT_COVERAGE_PERCENT("80",
            "A finding warns if samples cover less than this share of a job's time, 0..100."),
    VERDICT_SHORT_JOBS("50",
            "A finding reports this many short jobs of one user and name in a day, 2..2000."),
    VERDICT_MARGIN_PERCENT("20",
            "Margin that a verdict adds to the memory or time used when it suggests what to request, 0..1000."),
    GRAFANA_URL("unset: no links",
            "Address of the Grafana with our dashboards, to which the page of a job links."),
    FRAME_ANCESTORS("unset: nobody",
            "Origins whose pages may embed ours, such as https://ondemand.example.org, with commas between. Those of other sites show the sign-in page, since browsers do not send them our cookie."),
    SITE_NOTE("unset",
            "Your site's own words, shown with the advice of every verdict: one line of plain text, with a link if you like, at most 500 characters, without < and >."),
    SITE_NOTES_FILE("unset",
            "File with notes that are shown where their condition is met, such as cause = out_of_memory. It is read again when it changes."),
    NOTICE_SENDMAIL("unset: no mail",
            "Command by which users are told by mail of what their running jobs waste or are about to lack, such as /usr/sbin/sendmail."),
    NOTICE_FROM("unset",
            "Address that such mail comes from; with NOTICE_SENDMAIL."),
    NOTICE_TO("unset",
            "Address of a user, such as {user}@example.org; with NOTICE_SENDMAIL."),
    NOTICE_WEBHOOK_URL("unset: no webhook",
            "Address to which the same is sent as JSON: https, or http on this machine."),
    NOTICE_WEBHOOK_SECRET_FILE("unset",
            "File with the secret, of at least 16 characters, that signs what is sent there. It is read for each request."),
    NOTICE_RULES("gpu_idle,gpu_partly_idle,memory_near_limit",
            "Findings that users are told of, with commas between: rules of the verdicts."),
    NOTICE_COOLDOWN_HOURS("24",
            "Hours after which the same finding of the same run is told again, 1..720."),
    NOTICE_DIGEST_MINUTES("60",
            "Minutes between two messages to a user, at least, 1..1440: what is found meanwhile is told together.");

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

    /** Such as {@code --database-url}. */
    String flag() {
        return "--" + name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
