package org.jobwitness.agent.command;

import java.io.IOException;
import java.io.PrintStream;
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
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.config.AgentConfig;
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

/**
 * {@code jobwitness-agent check}: tells an administrator, line by line, what this node can give and what not, and why. It asks
 * what the agent would ask, as the user it runs as, and changes nothing.
 */
public final class Check {
    private static final int PATIENCE_MS = 5000;
    private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);

    /** A driver that has not answered by then is one that hangs, and {@link Gpus} says so. */
    private static final long PATIENCE_WITH_DRIVERS_MS = 12_000;

    private final AgentConfig config;
    private final List<GpuSource> gpuSources;
    private final PrintStream out;
    private boolean works = true;

    public Check(AgentConfig config, List<GpuSource> gpuSources, PrintStream out) {
        this.config = config;
        this.gpuSources = gpuSources;
        this.out = out;
    }

    /** False if the agent would be of no use here. */
    public boolean run() throws InterruptedException {
        cgroups();
        gpus();
        events();
        folder();
        service();
        return works;
    }

    private void ok(String what, String found) {
        out.println("ok    " + what + ": " + found);
    }

    /** Less than there could be. */
    private void less(String what, String found) {
        out.println("less  " + what + ": " + found);
    }

    private void fails(String what, String found) {
        out.println("FAILS " + what + ": " + found);
        works = false;
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
        try (Watch watch = new Watch(root)) {
            watch.add(root, false);
            ok("inotify", "jobs that come and go between readings are seen");
        } catch (IOException e) {
            fails("inotify", e.getMessage() + "; see fs.inotify in sysctl");
        }
        List<Scopes.Scope> scopes = new Scopes(root, config.node()).find();
        if (scopes.isEmpty()) {
            fails("Slurm's cgroups", "there is no slurmstepd.scope below " + root
                    + ": slurmd has not run since the boot, or does not use ProctrackType=proctrack/cgroup with cgroup v2");
        }
        for (Scopes.Scope scope : scopes) {
            List<Path> jobs = Scopes.jobsIn(scope.folder());
            ok("Slurm's cgroups", scope.folder() + ", node " + scope.node() + ", jobs now: " + jobs.size());
            jobs.stream().findFirst().ifPresentOrElse(this::job,
                    () -> less("figures of jobs", "run check again while a job runs, to see what its cgroup tells"));
        }
    }

    private void job(Path folder) {
        JobCgroup.Kernel kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        try (JobCgroup job = new JobCgroup(folder, kernel, false, System.nanoTime())) {
            Optional<JobName> name = JobName.of(folder.getFileName().toString());
            Processes processes = new Processes(config.procRoot());
            Optional<String> title = job.daemons().stream().flatMap(pid -> processes.jobServedBy(pid).stream())
                    .findFirst();
            boolean named = name.isPresent() && name.get().jobId() != null;
            if (title.isPresent()) {
                ok("whose job", "/proc tells the job of slurmstepd: " + title.get());
            } else if (named) {
                less("whose job",
                        "/proc does not tell of other users' processes (hidepid); the user comes from the prolog");
            } else {
                fails("whose job", folder.getFileName()
                        + " is a SLUID, and /proc does not tell which job it is (hidepid); only the prolog can");
            }
            Instant now = Instant.now();
            if (!job.read(now, System.nanoTime())) {
                less("figures of jobs", "the job has ended meanwhile");
                return;
            }
            JobReading reading = job.take(new JobCgroup.Identity("1", null, null, null, null, null), now, null, false)
                    .orElseThrow();
            ok("figures of jobs", "from " + folder.getFileName());
            withoutFigures("figures of jobs", List.of(reading.absent()));
        }
    }

    private void gpus() throws InterruptedException {
        List<GpuSource> there = gpuSources.stream().filter(GpuSource::isThere).toList();
        if (there.isEmpty()) {
            ok("GPUs", config.readsGpus() ? "the node has no driver of NVIDIA or AMD" : "JOBWITNESS_GPUS is off");
            return;
        }
        Log log = new Log(out);
        try (Gpus gpus = new Gpus(there, log)) {
            // Twice, because what a GPU did is known between two readings.
            awaitReading(gpus, there.size(), Instant.MIN);
            Thread.sleep(1000);
            awaitReading(gpus, there.size(), Instant.now());
            for (Gpus.Answer answer : gpus.latest().answers()) {
                switch (answer) {
                    case Gpus.Told told -> ok("GPUs", told.gpus().size() + " by " + told.source());
                    case Gpus.Silent silent -> less("GPUs", silent.source() + " tells none: " + silent.cause());
                }
            }
            NodeGpus.All all = new NodeGpus(gpus, new Processes(config.procRoot()), log).read(jobs());
            all.readings().forEach(this::gpu);
            withoutFigures("figures of GPUs", all.readings().stream().map(GpuReading::absent).toList());
        }
    }

    private static void awaitReading(Gpus gpus, int sources, Instant since) throws InterruptedException {
        gpus.readSoon();
        long until = System.nanoTime() + PATIENCE_WITH_DRIVERS_MS * 1_000_000;
        while (System.nanoTime() < until && gpus.latest().answers().stream().filter(answer -> switch (answer) {
            case Gpus.Told told -> !told.at().isBefore(since);
            case Gpus.Silent silent -> true;
        }).count() < sources) {
            Thread.sleep(20);
        }
    }

    /** Those that are on the node, as far as prologs were heard that are still in the spool, or were by the agent. */
    private List<NodeGpus.Job> jobs() {
        PrologEvents announcements = new PrologEvents();
        new PrologEventStore(config.folder(), config.procRoot(), new Log(out)).recall().forEach(announcements::take);
        try (DirectoryStream<Path> events = Files.newDirectoryStream(config.events())) {
            events.forEach(announcements::read);
        } catch (IOException | DirectoryIteratorException e) {
            // Whether they can be read is said below.
        }
        Processes processes = new Processes(config.procRoot());
        JobCgroup.Kernel kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), config.sysRoot());
        List<NodeGpus.Job> jobs = new ArrayList<>();
        for (Scopes.Scope scope : new Scopes(config.cgroupRoot(), config.node()).find()) {
            for (Path folder : Scopes.jobsIn(scope.folder())) {
                JobName name = JobName.of(folder.getFileName().toString()).orElseThrow();
                try (JobCgroup cgroup = new JobCgroup(folder, kernel, false, System.nanoTime())) {
                    JobOnNode job = new JobOnNode(cgroup, name, scope.node(), null, System.nanoTime());
                    jobs.add(new NodeGpus.Job(job, job.identify(announcements, processes).orElse(null)));
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
                    + (processes == null ? "and its processes are not known" : "processes on it: " + processes));
        } else if (!gpu.sharedBy().isEmpty()) {
            ok(what, "shared by the jobs " + String.join(", ", gpu.sharedBy()));
        } else if (!gpu.claimedBy().isEmpty()) {
            less(what, "it may be held by " + String.join(", ", gpu.claimedBy()) + ": " + cause);
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
        byCause.forEach((cause, figures) -> less(what, "without " + String.join(", ", figures) + ": " + cause));
    }

    private void events() {
        if (!Files.isDirectory(config.events())) {
            less("prolog and epilog",
                    config.events() + " is not there: they have not run yet, or JOBWITNESS_SPOOL_DIR differs");
        } else if (!Files.isReadable(config.events())) {
            fails("prolog and epilog", config.events() + " cannot be read");
        } else {
            ok("prolog and epilog", config.events() + " can be read");
        }
        config.cluster().ifPresentOrElse(cluster -> ok("cluster", cluster), () -> less("cluster",
                "slurm.conf cannot be read; it is what the prolog says, or else the server's default (JOBWITNESS_CLUSTER)"));
    }

    private void folder() {
        Path folder = config.folder();
        if (Files.isDirectory(folder) && Files.isWritable(folder)) {
            try {
                FileStore store = Files.getFileStore(folder);
                String free = folder + ", " + store.getUsableSpace() / 1024 / 1024 + " MiB free of " + store.type();
                if (store.getUsableSpace() < config.spoolBytes()) {
                    less("spool", free + ", but JOBWITNESS_AGENT_SPOOL_MB is " + config.spoolBytes() / 1024 / 1024);
                } else {
                    ok("spool", free);
                }
            } catch (IOException e) {
                less("spool", folder + ": " + e.getMessage());
            }
        } else {
            less("spool", folder + " cannot be written: what the service has not taken is kept in memory only");
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
            Duration ahead = Duration.between(Instant.ofEpochMilli(live.getDate()), Instant.now());
            ok("service", config.url() + " is there");
            if (live.getDate() != 0 && ahead.abs().compareTo(CLOCKS_DIFFER) > 0) {
                less("clock", "this node's is " + ahead.toSeconds()
                        + " s ahead of the service's, which puts times right by that; set up NTP");
            }
            token();
        } catch (IOException e) {
            fails("service", config.url() + ": " + e);
        }
    }

    /** A batch that is none: who may send batches is told so, who may not is told that. */
    private void token() throws IOException {
        HttpURLConnection batches = open("/v1/batches");
        if (config.tokenFile().isPresent()) {
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
            case 400 -> ok("token", "the service takes batches from here");
            case 401, 403 -> fails("token", "the service answers " + batches.getResponseCode() + ": "
                    + config.tokenFile().map(file -> file + " holds no agent token of it")
                            .orElse("it wants a token, and OBSERVABILITY_TOKEN_FILE is not set"));
            default -> fails("token", "the service answers " + batches.getResponseCode() + " to a batch");
        }
    }

    private HttpURLConnection open(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(config.url() + path).toURL()
                .openConnection();
        connection.setConnectTimeout(PATIENCE_MS);
        connection.setReadTimeout(PATIENCE_MS);
        return connection;
    }
}
