package org.jobwitness.server;

import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.logging.Level;
import javax.net.SocketFactory;
import org.jobwitness.server.access.AccessControl;
import org.jobwitness.server.access.BrowserCookie;
import org.jobwitness.server.access.Coordinators;
import org.jobwitness.server.access.Privileged;
import org.jobwitness.server.access.Refusals;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Sessions;
import org.jobwitness.server.access.SessionsEndpoint;
import org.jobwitness.server.access.SignInByMunge;
import org.jobwitness.server.access.SignInByOidc;
import org.jobwitness.server.access.SignInBySlurmToken;
import org.jobwitness.server.access.SignInCodes;
import org.jobwitness.server.access.SignInCodesEndpoint;
import org.jobwitness.server.access.SlurmTokenCheck;
import org.jobwitness.server.access.Tokens;
import org.jobwitness.server.batch.AgentQueueTable;
import org.jobwitness.server.batch.Batches;
import org.jobwitness.server.batch.BatchesEndpoint;
import org.jobwitness.server.chart.Charts;
import org.jobwitness.server.chart.SamplesEndpoint;
import org.jobwitness.server.chart.SeriesEndpoint;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.db.LeaderTask;
import org.jobwitness.server.db.Partitions;
import org.jobwitness.server.demo.DemoCluster;
import org.jobwitness.server.embedded.EmbeddedPostgres;
import org.jobwitness.server.embedded.EmbeddedPostgresException;
import org.jobwitness.server.event.Events;
import org.jobwitness.server.event.EventsEndpoint;
import org.jobwitness.server.http.HttpServer;
import org.jobwitness.server.http.RequestMemory;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.http.Tls;
import org.jobwitness.server.job.JobDeletion;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.KnownClusters;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.manual.ManualJobsEndpoint;
import org.jobwitness.server.metrics.JobEnds;
import org.jobwitness.server.metrics.JobMetrics;
import org.jobwitness.server.metrics.MetricsEndpoint;
import org.jobwitness.server.node.NodeLimit;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.node.NodesEndpoint;
import org.jobwitness.server.node.SeenJobs;
import org.jobwitness.server.notice.Notices;
import org.jobwitness.server.notice.NoticesEndpoint;
import org.jobwitness.server.ops.DataDisk;
import org.jobwitness.server.ops.HealthEndpoint;
import org.jobwitness.server.ops.Retention;
import org.jobwitness.server.ops.Watchdog;
import org.jobwitness.server.page.JobReader;
import org.jobwitness.server.page.Pages;
import org.jobwitness.server.page.SignInPages;
import org.jobwitness.server.query.JobQueries;
import org.jobwitness.server.query.JobsEndpoint;
import org.jobwitness.server.query.LinksEndpoint;
import org.jobwitness.server.query.UserSummaries;
import org.jobwitness.server.query.UsersEndpoint;
import org.jobwitness.server.report.AllReports;
import org.jobwitness.server.report.DaySums;
import org.jobwitness.server.report.JobsToTalkAbout;
import org.jobwitness.server.report.NodesToBlame;
import org.jobwitness.server.report.Reports;
import org.jobwitness.server.report.ReportsEndpoint;
import org.jobwitness.server.sample.SampleStore;
import org.jobwitness.server.sample.Sealing;
import org.jobwitness.server.scheduler.LocalSlurm;
import org.jobwitness.server.scheduler.Reconciliation;
import org.jobwitness.server.scheduler.SlurmrestdTokens;
import org.jobwitness.server.stream.JobStream;
import org.jobwitness.server.stream.StreamEndpoint;
import org.jobwitness.server.verdict.ArrayVerdicts;
import org.jobwitness.server.verdict.ArraysEndpoint;
import org.jobwitness.server.verdict.EvidenceReader;
import org.jobwitness.server.verdict.JobFindings;
import org.jobwitness.server.verdict.SiteNotes;
import org.jobwitness.server.verdict.VerdictEndpoint;
import org.jobwitness.server.verdict.Verdicts;
import org.jobwitness.server.web.DocsEndpoint;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server: all its parts, started in the order of their dependencies and stopped in reverse. */
final class Server implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Server.class);
    /** After a power failure, PostgreSQL may take minutes to replay its write-ahead log. */
    private static final Duration POSTGRES_START_TIMEOUT = Duration.ofMinutes(10);
    private static final Duration SEALING_INTERVAL = Duration.ofMinutes(1);
    private static final Duration RETENTION_INTERVAL = Duration.ofHours(1);
    private static final Duration REPORT_INTERVAL = Duration.ofSeconds(15);
    private static final Duration REPORT_CORRECTION_INTERVAL = Duration.ofHours(1);
    private static final Duration NOTICE_INTERVAL = Duration.ofMinutes(2);
    private static final Duration WATCH_INTERVAL = Duration.ofSeconds(6);
    /** By the word that comes first on the command line. */
    private static final Map<String, Command> COMMANDS = new TreeMap<>(Map.of("backup", BackupCommand::backup,
            "export", Export::run, "facts", FactsCommand::run, "notices", NoticesCommand::run, "reports",
            ReportsCommand::run, "restore",
            BackupCommand::restore, "retention",
            RetentionCommand::run, "token", TokenCommand::run, "user", UserCommand::run));
    /** The exit status of a server that did not answer itself. */
    private static final int HANGS = 4;
    /** Within which another server takes over. */
    private static final Duration SCHEDULER_INTERVAL = Duration.ofSeconds(15);

    private final Deque<AutoCloseable> started = new ArrayDeque<>();
    private final HttpServer http;
    private final Optional<Tokens> tokens;

    Server(ServerConfig config) throws IOException, InterruptedException {
        boolean complete = false;
        try {
            Clock clock = Clock.systemUTC();
            Json json = new Json();
            PrometheusRegistry metrics = new PrometheusRegistry();
            RequestMemory memory = RequestMemory.ofHeap(metrics);
            Requests requests = stopLater(new Requests(json, memory));
            JvmMetrics.builder().register(metrics);
            Info.builder().name("jobwitness_build_info").help("The server's version.").labelNames("version")
                    .register(metrics).setLabelValues(version());
            DataDisk.register(config.dataDir(), metrics);

            DatabaseAddress address = config.database().isPresent()
                    ? config.database().get()
                    : stopLater(EmbeddedPostgres.start(config.dataDir(), POSTGRES_START_TIMEOUT)).address();
            Partitions partitions = new Partitions(config.metricsRetention(), config.auditRetention(), clock);
            Database database = stopLater(new Database(address, config.databaseConnections(), partitions, metrics));

            JobTable jobs = new JobTable(database, json, clock);
            jobs.onChange(new JobEnds(metrics)::changed);
            JobDeletion jobDeletion = new JobDeletion(jobs, database, json);
            JobQueries queries = new JobQueries(database, json, clock);
            SampleStore samples = new SampleStore(database, json, config.metricsRetention(), clock, metrics);
            NodeTable nodes = new NodeTable(database, json);
            AgentQueueTable agentQueues = new AgentQueueTable(database, clock);
            SeenJobs seenJobs = new SeenJobs(database, clock);
            EvidenceReader evidence = new EvidenceReader(database, clock);
            JobMetrics jobMetrics = new JobMetrics(database, queries, nodes, agentQueues, seenJobs,
                    new JobFindings(evidence, config.thresholds()), config.dataDir(), config.maxSeries(), clock);
            KnownClusters clusters = new KnownClusters(database, config.clusters(), config.defaultCluster());
            NodeLimit nodeLimit = new NodeLimit(database, config.maxNodes(), config.defaultCluster(), clock, metrics);
            Events events = new Events(jobs, json, config.defaultCluster(), clock, metrics);

            JobStream stream = new JobStream(queries, json, clock, metrics);
            jobs.onChange(stream::changed);
            samples.onStored(stream::stored);

            Batches batches = stopLater(
                    new Batches(database, jobs, samples, nodes, agentQueues, clock, config.defaultCluster(),
                            metrics));

            Sealing sealing = new Sealing(database, config.metricsRetention(), clock, metrics);
            LeaderTask sealingTask = stopLater(
                    new LeaderTask(database, "sealing", SEALING_INTERVAL, sealing::run));
            LeaderTask retentionTask = stopLater(new LeaderTask(database, "retention", RETENTION_INTERVAL,
                    new Retention(database, partitions, jobDeletion, config.jobRetention(), clock, metrics)::run));

            DaySums daySums = new DaySums(database, config.metricsRetention(), clock);
            LeaderTask reportTask = stopLater(new LeaderTask(database, "reports", REPORT_INTERVAL, daySums::run));
            LeaderTask reportCorrectionTask = stopLater(
                    new LeaderTask(database, "report_corrections", REPORT_CORRECTION_INTERVAL, daySums::correct));

            Optional<Notices> notices = config.notices().isOn()
                    ? Optional.of(stopLater(new Notices(config.notices(), database,
                            new JobFindings(evidence, config.thresholds()), config.publicUrl(), json, clock, metrics)))
                    : Optional.empty();
            Optional<LeaderTask> noticeTask = notices.map(some -> stopLater(
                    new LeaderTask(database, "notices", NOTICE_INTERVAL, some::run)));

            Optional<Reconciliation> slurm = config.slurm().map(settings -> stopLater(new Reconciliation(settings,
                    database, jobs, nodes, json, config.defaultCluster(), clock, metrics)));
            Optional<LeaderTask> slurmTask = slurm.map(reconciliation -> stopLater(
                    new LeaderTask(database, "scheduler", SCHEDULER_INTERVAL, reconciliation::run)));
            Map<String, Supplier<Optional<String>>> advisoryChecks = new LinkedHashMap<>();
            advisoryChecks.put("seal", sealing::problem);
            advisoryChecks.put("spool", agentQueues::problem);
            advisoryChecks.put("nodes", nodeLimit::problem);
            advisoryChecks.put("metrics", jobMetrics::problem);
            if (config.database().isEmpty()) {
                advisoryChecks.put("storage", () -> DataDisk.problem(config.dataDir()));
            }
            slurm.ifPresent(reconciliation -> advisoryChecks.put("scheduler", reconciliation::problem));
            slurm.ifPresent(_ -> advisoryChecks.put("agents", seenJobs::problem));
            notices.ifPresent(some -> advisoryChecks.put("notices", some::problem));
            if (!config.schedulerChosen()) {
                advisoryChecks.put("scheduler", () -> Optional.of(LocalSlurm.NOT_ASKED));
            }

            Optional<DemoCluster> demo = isDemo(config)
                    ? Optional.of(new DemoCluster(database, events, jobs, samples, batches, nodes, clock))
                    : Optional.empty();
            Map<String, Supplier<Optional<String>>> requiredChecks = new LinkedHashMap<>(
                    Map.of("database", database::problem));
            requiredChecks.put("writes", database::writeProblem);
            demo.ifPresent(cluster -> requiredChecks.put("demo", cluster::problem));

            Optional<Tls> tls = config.tls().isPresent()
                    ? Optional
                            .of(stopLater(new Tls(config.tls().get().certificates(), config.tls().get().key(), clock)))
                    : Optional.empty();
            tls.ifPresent(certificate -> advisoryChecks.put("tls", certificate::problem));
            tokens = config.auth() ? Optional.of(Tokens.in(config.dataDir())) : Optional.empty();
            Sessions sessions = new Sessions(database, clock);
            Privileged privileged = new Privileged(config.operators(), config.helpdesk());
            Coordinators coordinators = new Coordinators(database, clock);
            BrowserCookie cookie = new BrowserCookie(tls.isPresent(), config.publicUrl());
            Refusals refusals = stopLater(new Refusals(database, clock, metrics));
            AccessControl access = tokens
                    .map(known -> AccessControl.by(known, sessions, privileged, coordinators, cookie,
                            config.proxy(), refusals))
                    .orElseGet(() -> AccessControl.off(config.host(), sessions, privileged, coordinators, cookie,
                            refusals));
            Optional<SignInByOidc> oidc = config.oidc().map(settings -> stopLater(
                    new SignInByOidc(settings, database, sessions, privileged, clock)));
            SignInBySlurmToken slurmTokens = stopLater(new SignInBySlurmToken(config.slurmTokens(),
                    config.slurm().flatMap(Server::tokenCheck), database, sessions, clock));
            SignInCodes codes = new SignInCodes(database, sessions, clock);

            SiteNotes siteNotes = siteNotes(config, clock);
            advisoryChecks.put("site_notes", siteNotes::problem);
            Verdicts verdicts = new Verdicts(evidence, config.thresholds(), siteNotes);
            ArrayVerdicts arrays = new ArrayVerdicts(database, queries, verdicts, clock);
            Charts charts = new Charts(database, samples, json, clock);
            UserSummaries summaries = new UserSummaries(database, clock);
            AllReports reports = new AllReports(new Reports(database, clock),
                    new JobsToTalkAbout(database, verdicts, clock), new NodesToBlame(database, clock));
            Pages pages = new Pages(queries, new JobReader(queries, verdicts, arrays, charts, clock), summaries,
                    reports, nodes, seenJobs, new Pages.Site(config.grafana(), oidc.map(SignInByOidc::host),
                            config.frameAncestors()),
                    cookie, clock);

            http = stopLater(new HttpServer(
                    new HttpServer.Settings(config.host(), config.port(), config.maxConnections(),
                            config.requestDeadline(), tls),
                    json, memory, access, pages,
                    List.of(access::routes, pages::routes, new SignInPages(codes, oidc, sessions, cookie)::routes,
                            new HealthEndpoint(requiredChecks, advisoryChecks, json, clock,
                                    version())::routes,
                            new EventsEndpoint(events, clusters, requests, json)::routes,
                            new BatchesEndpoint(batches, clusters, nodeLimit, requests, json)::routes,
                            new JobsEndpoint(queries, config.publicUrl(), json)::routes,
                            new LinksEndpoint(queries, sessions, requests, json)::routes,
                            new UsersEndpoint(summaries, json, clock)::routes,
                            new ReportsEndpoint(reports, json, clock)::routes,
                            new NoticesEndpoint(database, config.notices(), requests, json, clock)::routes,
                            new SamplesEndpoint(queries, samples, json)::routes,
                            new SeriesEndpoint(queries, charts, json)::routes,
                            new ManualJobsEndpoint(jobs, jobDeletion, queries, samples, requests, json, clock,
                                    config.defaultCluster())::routes,
                            new VerdictEndpoint(verdicts, config.publicUrl(), json)::routes,
                            new ArraysEndpoint(arrays, config.publicUrl(), json)::routes,
                            new NodesEndpoint(nodes, json, clock)::routes,
                            new StreamEndpoint(stream, sessions, coordinators, json)::routes,
                            new SessionsEndpoint(sessions,
                                    new SignInByMunge(database, config.mungeSocket(), sessions, clock),
                                    slurmTokens, privileged,
                                    requests, json)::routes,
                            new SignInCodesEndpoint(codes, config.publicUrl(), requests, json)::routes,
                            new MetricsEndpoint(jobMetrics, metrics)::routes, new DocsEndpoint()::routes)));
            stopLater(stream); // before the listener, which waits for streams to end
            http.start();
            database.start();
            demo.map(this::stopLater).ifPresent(DemoCluster::start);
            refusals.start();
            sealingTask.start();
            retentionTask.start();
            reportTask.start();
            reportCorrectionTask.start();
            slurmTask.ifPresent(LeaderTask::start);
            noticeTask.ifPresent(LeaderTask::start);
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /** Read here for the first time; ServerConfig has found it right. */
    private static SiteNotes siteNotes(ServerConfig config, Clock clock) throws IOException {
        try {
            return SiteNotes.of(config.siteNote(), config.siteNotes(), clock);
        } catch (SiteNotes.InvalidNotes e) {
            throw new IOException(Setting.SITE_NOTES_FILE + ": " + e.getMessage(), e);
        }
    }

    /** Slurm's commands need a configuration of Slurm, in which the token of a user has no place. */
    private static Optional<SlurmTokenCheck> tokenCheck(Reconciliation.Settings slurm) {
        return slurm.access() instanceof Reconciliation.Rest rest
                ? Optional.of(new SlurmrestdTokens(rest.address(), slurm.apiVersion()))
                : Optional.empty();
    }

    private static boolean isDemo(ServerConfig config) {
        if (config.seedDemo() && config.slurm().isPresent()) {
            log.warn("demo_ignored cause=\"SCHEDULER_BACKEND is slurm\"");
        }
        return config.seedDemo() && config.slurm().isEmpty();
    }

    private <T extends AutoCloseable> T stopLater(T part) {
        started.push(part);
        return part;
    }

    int port() {
        return http.port();
    }

    private void watch(ServerConfig config) throws IOException {
        SocketFactory sockets = config.tls().isPresent() ? Tls.toOneself() : SocketFactory.getDefault();
        stopLater(new Watchdog(sockets, config.host(), port(), WATCH_INTERVAL, () -> Runtime.getRuntime().halt(HANGS)));
    }

    List<String> routes() {
        return http.routes();
    }

    @Override
    public synchronized void close() {
        while (!started.isEmpty()) {
            AutoCloseable part = started.pop();
            try {
                part.close();
            } catch (Exception e) {
                log.error("stop_failed part={}", part.getClass().getSimpleName(), e);
            }
        }
    }

    /** What is done instead of serving; returns the exit status. */
    @FunctionalInterface
    private interface Command {
        int run(List<String> args, Map<String, String> environment, Path dotEnv);
    }

    static String version() {
        try (InputStream in = Server.class.getResourceAsStream("/jobwitness.properties")) {
            Properties properties = new Properties();
            properties.load(Objects.requireNonNull(in, "jobwitness.properties"));
            return properties.getProperty("version");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void main(String[] args) {
        Locale.setDefault(Locale.ROOT);
        List<String> flags = List.of(args);
        if (!flags.isEmpty() && COMMANDS.containsKey(flags.getFirst())) {
            System.exit(COMMANDS.get(flags.getFirst()).run(flags.subList(1, flags.size()), System.getenv(),
                    Path.of(".env")));
        }
        if (flags.contains("--help") || flags.contains("-h")) {
            System.out.print(help());
            return;
        }
        if (flags.contains("--version")) {
            System.out.println("jobwitness-server " + version());
            return;
        }
        Startup startup = new Startup(Thread.currentThread());
        Runtime.getRuntime().addShutdownHook(new Thread(startup::stop, "shutdown"));
        try {
            ServerConfig config = ServerConfig.read(flags, System.getenv(), Path.of(".env"));
            Server server = new Server(config);
            server.watch(config);
            startup.complete(server);
            System.out.print(server.greeting(config));
        } catch (ServerConfig.BadSetting e) {
            startup.fail(2, e);
        } catch (EmbeddedPostgresException | IOException | InterruptedException e) {
            startup.fail(1, e);
        } catch (RuntimeException e) {
            if (!startup.isStopping) {
                throw e;
            }
            startup.fail(1, e);
        } finally {
            startup.end();
        }
    }

    /** A start, which a signal may end at any moment. */
    private static final class Startup {
        /** Kept here, since java.util.logging forgets a logger that nobody holds, and its level. */
        private static final java.util.logging.Logger JAVALIN = java.util.logging.Logger
                .getLogger("io.javalin.Javalin");

        private final Thread thread;
        private final CompletableFuture<Optional<Server>> running = new CompletableFuture<>();
        private volatile boolean isStopping;

        Startup(Thread thread) {
            this.thread = thread;
        }

        void complete(Server server) {
            running.complete(Optional.of(server));
        }

        void end() {
            running.complete(Optional.empty());
        }

        /** Ends the process; what an interrupt broke is not the cause. */
        void fail(int status, Exception cause) {
            System.err.println("jobwitness-server: " + (isStopping ? "stopped while starting" : cause.getMessage()));
            end();
            System.exit(status);
        }

        /** On SIGTERM, Ctrl-C and exit; interrupts a start that is not complete. */
        void stop() {
            isStopping = true;
            if (!running.isDone()) {
                JAVALIN.setLevel(Level.OFF); // It would log the interrupt as a failure of its own.
            }
            thread.interrupt();
            running.join().ifPresent(server -> {
                log.info("server_stopping");
                server.close();
                log.info("server_stopped");
            });
        }
    }

    private String greeting(ServerConfig config) {
        String url = (config.tls().isPresent() ? "https://" : "http://")
                + (config.host().equals("0.0.0.0") ? "localhost" : config.host()) + ":" + port();
        String access = tokens.map(made -> """
                  operator token  %s
                  agent token     %s
                  scrape token    %s
                """.formatted(made.file(Role.OPERATOR), made.file(Role.AGENT), made.file(Role.SCRAPE)))
                .orElse("  no token needed (AUTH=off)\n");
        String slurm = config.schedulerChosen() ? "" : LocalSlurm.find(Path.of("/"), System.getenv()).map(found -> """
                  Slurm           is not asked, though %s is here: ends of jobs are not confirmed. Set
                                  %s
                """.formatted(found.conf(), found.settings())).orElse("");
        return """
                jobwitness-server %s
                  API             %s/docs
                  jobs            %s/v1/jobs
                  metrics         %s/metrics
                  health          %s/v1/health
                %s%s%s""".formatted(version(), url, url, url, url, access, config.isKeptLocal() ? """
                  only this machine can connect: PLAIN_HTTP is loopback. Set TLS_CERT_FILE and TLS_KEY_FILE, or PLAIN_HTTP=on
                """ : "", slurm);
    }

    private static String help() {
        StringBuilder help = new StringBuilder("""
                Usage: jobwitness-server [--SETTING VALUE]...
                """);
        COMMANDS.keySet().forEach(command -> help.append("       jobwitness-server ").append(command)
                .append(" --help\n"));
        help.append("""

                Settings, as flags or in the environment (or in a file .env in the working folder):
                """);
        Arrays.stream(Setting.values()).forEach(setting -> help.append("""

                  %s VALUE   (%s)
                      %s
                      Default: %s
                """.formatted(setting.flag(), setting.name(), setting.effect(), setting.byDefault())));
        return help.toString();
    }
}
