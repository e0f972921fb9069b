package org.jobwitness.agent.command;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.files.FileAccess;
import org.jobwitness.agent.files.ScriptsSpool;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.agent.sampling.JobOnNode;
import org.jobwitness.agent.sampling.NodeGpus;
import org.jobwitness.agent.sampling.PrologEventStore;
import org.jobwitness.agent.sampling.PrologEvents;
import org.jobwitness.wire.GpuDevice;
import org.jobwitness.wire.GpuReading;
import org.jobwitness.wire.JobReading;
import org.jobwitness.wire.TrustedCas;

/**
 * {@code jobwitness-agent check}: shows an administrator, line by line, what the agent can read on this node, and why not the rest. It
 * reads the same sources as the agent, as its own user, and changes nothing.
 */
public final class Check {
    private static final int HTTP_TIMEOUT_MS = 5000;
    private static final Duration MAX_CLOCK_OFFSET = Duration.ofMinutes(5);

    /** After this time {@link Gpus} reports that the driver hangs. */
    private static final long DRIVER_TIMEOUT_MS = 12_000;

    private final AgentConfig config;
    private final List<GpuSource> gpuSources;
    private final NodeClock clock;
    private final PrintStream out;
    private boolean isUsable = true;

    public Check(AgentConfig config, List<GpuSource> gpuSources, NodeClock clock, PrintStream out) {
        this.config = config;
        this.gpuSources = gpuSources;
        this.clock = clock;
        this.out = out;
    }

    /** False if the agent would be useless here. */
    public boolean run() throws InterruptedException {
        cgroups();
        gpus();
        events();
        folder();
        service();
        return isUsable;
    }

    private void ok(String what, String found) {
        out.println("ok    " + what + ": " + found);
    }

    private void warn(String what, String found) {
        out.println("warn  " + what + ": " + found);
    }

    private void fails(String what, String found) {
        out.println("FAILS " + what + ": " + found);
        isUsable = false;
    }

    private void cgroups() {
        Path root = config.cgroupRoot();
        if (!Files.exists(root.resolve("cgroup.controllers"))) {
            fails("cgroup v2", root + " is not cgroup v2" + (Files.isDirectory(root.resolve("memory"))
                    ? " but v1: boot with systemd.unified_cgroup_hierarchy=1, and set CgroupPlugin=cgroup/v2 or autodetect"
                    : "; see JOBWITNESS_CGROUP_ROOT"));
            return;
        }
        ok("cgroup v2", root.toString());
        try (Watch watch = new Watch(root, clock)) {
            watch.add(root, false);
            ok("inotify", "jobs between two readings are noticed");
        } catch (IOException e) {
            fails("inotify", e.getMessage() + "; see fs.inotify in sysctl");
        }
        Scopes.Found found = new Scopes(root, node(), this::isOfThisHost).find();
        found.ignored().forEach(scope -> warn("Slurm's cgroups", scope.folder() + " is not read: " + scope.cause()));
        List<Scopes.Scope> scopes = found.scopes();
        if (scopes.isEmpty()) {
            fails("Slurm's cgroups", "there is no slurmstepd.scope below " + root
                    + ": slurmd has not run since the boot, or does not use ProctrackType=proctrack/cgroup with cgroup v2");
        }
        nodeName(scopes);
        for (Scopes.Scope scope : scopes) {
            List<Path> jobs = Scopes.jobsIn(scope.folder());
            ok("Slurm's cgroups", scope.folder() + ", node " + scope.node() + ", jobs now: " + jobs.size());
            jobs.stream().findFirst().ifPresentOrElse(this::job,
                    () -> warn("figures of jobs", "run check again while a job runs, to see its figures"));
        }
    }

    /** Slurm's name of this node, of a scope that does not name one. */
    private String node() {
        return config.isNodeSet() ? config.node() : config.nodeInSpool().orElse(config.node());
    }

    private boolean isOfThisHost(String node) {
        return config.isOfThisHost(node)
                || (!config.isNodeSet() && config.nodeInSpool().filter(node::equals).isPresent());
    }

    private void nodeName(List<Scopes.Scope> scopes) {
        Optional<String> ofProlog = config.nodeInSpool();
        if (!scopes.isEmpty() && scopes.stream().allMatch(scope -> Scopes.isNamed(scope.folder()))) {
            return; // each names its node
        }
        if (ofProlog.isPresent() && !ofProlog.get().equals(config.node())) {
            warn("node", config.isNodeSet()
                    ? "JOBWITNESS_NODE is " + config.node() + ", but Slurm's name of this node is " + ofProlog.get()
                            + ": its jobs get a second node; unset it, or set Slurm's name"
                    : "Slurm's name of this node is " + ofProlog.get() + ", which is used; the host's is "
                            + config.node());
        } else if (ofProlog.isPresent()) {
            ok("node", config.node() + ", and Slurm's prolog names it so");
        } else if (config.isNodeSet()) {
            ok("node", config.node() + ", from JOBWITNESS_NODE");
        } else {
            ok("node", config.node() + ", the host's name; where Slurm's differs, it is used once a prolog has run");
        }
    }

    private void job(Path folder) {
        JobCgroup.Kernel kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        try (JobCgroup job = new JobCgroup(folder, kernel, false, clock.nanoTime())) {
            Optional<JobName> name = JobName.of(folder.getFileName().toString());
            Processes processes = new Processes(config.procRoot());
            Optional<String> title = job.daemons().stream().flatMap(pid -> processes.jobOfSlurmstepd(pid).stream())
                    .findFirst();
            boolean named = name.isPresent() && name.get().jobId() != null;
            if (title.isPresent()) {
                ok("whose job", "/proc shows the job of slurmstepd: " + title.get());
            } else if (named) {
                warn("whose job",
                        "/proc hides other users' processes (hidepid); the user comes from the prolog");
            } else {
                fails("whose job", folder.getFileName()
                        + " is a SLUID, and /proc hides its job id (hidepid); only the prolog provides it");
            }
            Instant now = clock.instant();
            if (!job.read(now, clock.nanoTime())) {
                warn("figures of jobs", "the job ended during the check");
                return;
            }
            JobReading reading = job.take(JobCgroup.Identity.of("1"), now, null, false)
                    .orElseThrow();
            ok("figures of jobs", "from " + folder.getFileName());
            withoutFigures("figures of jobs", List.of(reading.absent()));
        }
    }

    private void gpus() throws InterruptedException {
        List<GpuSource> present = gpuSources.stream().filter(GpuSource::isPresent).toList();
        if (present.isEmpty()) {
            ok("GPUs", config.readsGpus() ? "the node has no driver of NVIDIA or AMD" : "JOBWITNESS_GPUS is off");
            return;
        }
        Log log = new Log(out);
        try (Gpus gpus = new Gpus(present, clock, log)) {
            // Twice, because utilization is measured between two readings.
            awaitReading(gpus, present.size(), Instant.MIN);
            Thread.sleep(1000);
            awaitReading(gpus, present.size(), clock.instant());
            for (Gpus.SourceState source : gpus.latest().sources()) {
                switch (source) {
                    case Gpus.Available read -> ok("GPUs", read.gpus().size() + " by " + read.source());
                    case Gpus.Unavailable failed -> warn("GPUs", failed.source() + " reads none: " + failed.cause());
                }
            }
            NodeGpus.All all = new NodeGpus(gpus, new Processes(config.procRoot()), log).read(jobs());
            all.readings().forEach(this::gpu);
            withoutFigures("figures of GPUs", all.readings().stream().map(GpuReading::absent).toList());
        }
    }

    private void awaitReading(Gpus gpus, int sources, Instant since) throws InterruptedException {
        gpus.readSoon();
        long until = clock.nanoTime() + DRIVER_TIMEOUT_MS * 1_000_000;
        while (clock.nanoTime() < until && gpus.latest().sources().stream().filter(source -> switch (source) {
            case Gpus.Available read -> !read.at().isBefore(since);
            case Gpus.Unavailable _ -> true;
        }).count() < sources) {
            Thread.sleep(20);
        }
    }

    /** Those on the node, identified by prolog events in the spool or in the agent's store. */
    private List<NodeGpus.Job> jobs() {
        PrologEvents prologEvents = new PrologEvents();
        new PrologEventStore(config.folder(), config.procRoot(), new Log(out)).load().forEach(prologEvents::add);
        try (DirectoryStream<Path> events = Files.newDirectoryStream(config.events())) {
            events.forEach(prologEvents::read);
        } catch (IOException | DirectoryIteratorException e) {
            // Reported below.
        }
        Processes processes = new Processes(config.procRoot());
        JobCgroup.Kernel kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        List<NodeGpus.Job> jobs = new ArrayList<>();
        for (Scopes.Scope scope : new Scopes(config.cgroupRoot(), node(), this::isOfThisHost).find().scopes()) {
            for (Path folder : Scopes.jobsIn(scope.folder())) {
                JobName name = JobName.of(folder.getFileName().toString()).orElseThrow();
                try (JobCgroup cgroup = new JobCgroup(folder, kernel, false, clock.nanoTime())) {
                    JobOnNode job = new JobOnNode(cgroup, name, scope.node(), null, clock.nanoTime());
                    jobs.add(new NodeGpus.Job(job, job.identify(prologEvents, processes).orElse(null)));
                }
            }
        }
        return jobs;
    }

    private void gpu(GpuReading gpu) {
        GpuDevice device = gpu.device();
        String what = "GPU " + gpu.gpu()
                + (device == null || device.model() == null ? "" : ", " + device.model());
        String cause = gpu.absent().get("job_id");
        if (gpu.jobId() != null) {
            Long processes = gpu.processes();
            ok(what, "job " + gpu.jobId() + " holds it, "
                    + (processes == null ? "and its processes are unknown" : "processes on it: " + processes));
        } else if (!gpu.sharedBy().isEmpty()) {
            ok(what, "shared by the jobs " + String.join(", ", gpu.sharedBy()));
        } else if (!gpu.claimedBy().isEmpty()) {
            warn(what, "may be held by " + String.join(", ", gpu.claimedBy()) + ": " + cause);
        } else if (cause != null) {
            ok(what, cause);
        } else {
            ok(what, "no job holds it");
        }
    }

    private void withoutFigures(String what, List<Map<String, String>> absent) {
        Map<String, Set<String>> byCause = new TreeMap<>();
        absent.forEach(figures -> figures.forEach((figure, cause) -> {
            if (!figure.equals("job_id")) {
                byCause.computeIfAbsent(cause, _ -> new TreeSet<>()).add(figure);
            }
        }));
        byCause.forEach((cause, figures) -> warn(what, "without " + String.join(", ", figures) + ": " + cause));
    }

    private void events() {
        if (!Files.isDirectory(config.events())) {
            warn("prolog and epilog",
                    config.events() + " does not exist: they have not run yet, or JOBWITNESS_SPOOL_DIR differs");
        } else if (!Files.isReadable(config.events())) {
            fails("prolog and epilog", config.events() + " cannot be read");
        } else {
            new ScriptsSpool(config.events()).problem().ifPresentOrElse(
                    problem -> warn("prolog and epilog", "no event is read or sent: " + problem),
                    () -> ok("prolog and epilog", config.events() + " can be read"));
            untrustedEvents();
        }
        config.cluster(Optional::empty).ifPresentOrElse(cluster -> ok("cluster", cluster), () -> warn("cluster",
                "slurm.conf cannot be read; the cluster comes from the prolog, or is the server's default (JOBWITNESS_CLUSTER)"));
    }

    private void untrustedEvents() {
        try (Stream<Path> files = Files.list(config.events())) {
            List<String> problems = files.flatMap(Check::untrusted).sorted().toList();
            if (!problems.isEmpty()) {
                warn("prolog and epilog", "files that are left there: " + problems.size() + ", the first: "
                        + problems.getFirst());
            }
        } catch (IOException | UncheckedIOException e) {
            fails("prolog and epilog", config.events() + " cannot be read: " + e);
        }
    }

    private static Stream<String> untrusted(Path file) {
        try {
            return ScriptsSpool.problemOf(file).map(cause -> file + ": " + cause).stream();
        } catch (IOException e) {
            return Stream.empty(); // sent by its script meanwhile
        }
    }

    private void folder() {
        Path folder = config.folder();
        if (Files.isDirectory(folder) && Files.isWritable(folder)) {
            try {
                FileStore store = Files.getFileStore(folder);
                String free = folder + ", " + store.getUsableSpace() / 1024 / 1024 + " MiB free of " + store.type();
                if (store.getUsableSpace() < config.spoolBytes()) {
                    warn("spool", free + ", but JOBWITNESS_AGENT_SPOOL_MB is " + config.spoolBytes() / 1024 / 1024);
                } else {
                    ok("spool", free);
                }
            } catch (IOException e) {
                warn("spool", folder + ": " + e.getMessage());
            }
        } else {
            warn("spool", folder + " cannot be written: unsent batches are kept in memory only");
        }
    }

    private void service() {
        try {
            HttpURLConnection live = open("/v1/live");
            if (live.getResponseCode() != 200) {
                fails("service",
                        config.url() + " answers " + live.getResponseCode() + " to /v1/live: is it jobwitness?");
                return;
            }
            Duration ahead = Duration.between(Instant.ofEpochMilli(live.getDate()), clock.instant());
            ok("service", config.url() + " is reachable");
            if (live.getDate() != 0 && ahead.abs().compareTo(MAX_CLOCK_OFFSET) > 0) {
                warn("clock", "this node's is " + ahead.toSeconds()
                        + " s ahead of the service's, which corrects times by that; set up NTP");
            }
            token();
        } catch (SSLException e) {
            fails("service", config.url() + ": " + TrustedCas.inWords(e, "JOBWITNESS_CA_FILE"));
        } catch (IOException e) {
            fails("service", config.url() + ": " + e);
        }
    }

    /** Sends an invalid batch: 400 if the token is accepted, 401 or 403 if not. */
    private void token() throws IOException {
        HttpURLConnection batches = open("/v1/batches");
        if (config.tokenFile().isPresent()) {
            exposed(config.tokenFile().get());
            try {
                batches.setRequestProperty("Authorization",
                        "Bearer "
                                + Files.readAllLines(config.tokenFile().get()).stream().findFirst().orElse("").strip());
            } catch (IOException e) {
                fails("token", config.tokenFile().get() + " cannot be read: " + e);
                return;
            }
        }
        batches.setRequestMethod("POST");
        batches.setRequestProperty("Content-Type", "application/json");
        batches.setDoOutput(true);
        batches.getOutputStream().write("{}".getBytes(StandardCharsets.UTF_8));
        switch (batches.getResponseCode()) {
            case 400 -> ok("token", "the service accepts batches from this agent");
            case 401, 403 -> fails("token", "the service answers " + batches.getResponseCode() + ": "
                    + config.tokenFile().map(file -> file + " holds no valid agent token")
                            .orElse("a token is required, and OBSERVABILITY_TOKEN_FILE is not set"));
            default -> fails("token", "the service answers " + batches.getResponseCode() + " to a batch");
        }
    }

    private void exposed(Path tokenFile) {
        try {
            FileAccess.of(tokenFile.toRealPath()).exposure()
                    .ifPresent(cause -> warn("token", tokenFile + ": " + cause + "; chmod 0640"));
        } catch (IOException e) {
            // Reported where it is read.
        }
    }

    private HttpURLConnection open(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(config.url() + path).toURL()
                .openConnection();
        if (connection instanceof HttpsURLConnection https && config.caFile().isPresent()) {
            https.setSSLSocketFactory(TrustedCas.read(config.caFile().get()).tls().getSocketFactory());
        }
        connection.setConnectTimeout(HTTP_TIMEOUT_MS);
        connection.setReadTimeout(HTTP_TIMEOUT_MS);
        return connection;
    }
}
