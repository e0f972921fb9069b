package org.jobwitness.agent;

import java.io.IOException;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jobwitness.agent.cgroup.JobCgroup;
import org.jobwitness.agent.cgroup.JobName;
import org.jobwitness.agent.cgroup.Scopes;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.node.Processes;
import org.jobwitness.wire.JobReading;

/**
 * {@code jobwitness-agent check}: tells an administrator, line by line, what this node can give and what not, and why. It asks
 * what the agent would ask, as the user it runs as, and changes nothing.
 */
final class Check {
    private static final int PATIENCE_MS = 5000;
    private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);

    private final AgentConfig config;
    private final PrintStream out;
    private boolean works = true;

    Check(AgentConfig config, PrintStream out) {
        this.config = config;
        this.out = out;
    }

    /** False if the agent would be of no use here. */
    boolean run() {
        cgroups();
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
        JobCgroup.Kernel kernel = new JobCgroup.Kernel(config.cgroupRoot(), config.procRoot(), Path.of("/sys"));
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
            Map<String, String> byCause = new TreeMap<>();
            reading.absent().forEach((figure, cause) -> byCause.merge(cause, figure, (a, b) -> a + ", " + b));
            byCause.forEach((cause, figures) -> less("figures of jobs", "without " + figures + ": " + cause));
        }
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
