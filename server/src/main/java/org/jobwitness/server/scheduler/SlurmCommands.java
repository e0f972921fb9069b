package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.server.scheduler.SlurmException.Problem;
import org.jobwitness.server.scheduler.SlurmJson.Answer;

/**
 * Runs Slurm's own commands, where there is no slurmrestd: {@code squeue}, {@code sacct}, {@code scontrol} and {@code sacctmgr}, of Slurm 23.02 on,
 * whose {@code --json} prints the same JSON. The server's user needs the rights to see all jobs.
 */
final class SlurmCommands implements Slurm {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final int MAX_MESSAGE = 300;

    /** Slurm's texts (slurm_errno.c) where slurmctld or slurmdbd is away. */
    private static final List<String> UNREACHABLE = List.of("Unable to contact slurm controller",
            "Unable to connect to database", "Problem talking to the database", "failed to open persistent connection",
            "Connection refused", "Socket timed out on send/recv operation");
    private static final List<String> WRONG_CREDENTIALS = List.of("Protocol authentication error",
            "Invalid authentication credential");

    private final Path folder;
    private final Map<String, String> environment;
    private final String jsonOption;
    private final TimeLimited calls;
    private final SlurmJson json = new SlurmJson();

    /**
     * @param folder with the commands
     * @param slurmConf SLURM_CONF for them; empty for Slurm's default
     * @param version of the JSON; empty for the newest of the commands
     */
    SlurmCommands(Path folder, Optional<String> slurmConf, Optional<Integer> version) {
        this(folder, slurmConf, version, TIMEOUT);
    }

    /** @param timeout for one command */
    SlurmCommands(Path folder, Optional<String> slurmConf, Optional<Integer> version, Duration timeout) {
        this.folder = folder;
        Map<String, String> plain = Map.of("LC_ALL", "C.UTF-8", "TZ", "UTC", "PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        this.environment = slurmConf.map(path -> {
            Map<String, String> all = new HashMap<>(plain);
            all.put("SLURM_CONF", path);
            return Map.copyOf(all);
        }).orElse(plain);
        this.jsonOption = version.map(one -> "--json=v0.0." + one).orElse("--json");
        this.calls = new TimeLimited(timeout);
    }

    @FunctionalInterface
    private interface Reader<T> {
        Answer<T> read(InputStream in) throws IOException, SlurmException;
    }

    @Override
    public String source(boolean accounted) {
        return accounted ? "sacct" : "squeue";
    }

    @Override
    public Listing list() throws SlurmException, InterruptedException {
        Answer<SlurmJob> jobs = run(json::jobs, "squeue", jsonOption, "--all", "--states=all");
        return new Listing(jobs.cluster(), jobs.list().stream()
                .map(job -> new Listing.Entry(job.jobId(), job.state(), job)).toList(), jobs.unreadable());
    }

    @Override
    public List<SlurmJob> job(String jobId) throws SlurmException, InterruptedException {
        return list().entries().stream().flatMap(entry -> Stream.ofNullable(entry.job()))
                .filter(job -> job.jobId().equals(jobId)).toList();
    }

    @Override
    public List<SlurmJob> ended(Instant from, Instant to) throws SlurmException, InterruptedException {
        return sacct("--starttime=" + time(from), "--endtime=" + time(to),
                "--state=" + String.join(",", SlurmState.ENDS));
    }

    /** Without its Z: the commands have UTC as their zone. */
    private static String time(Instant time) {
        return time.truncatedTo(ChronoUnit.SECONDS).toString().replace("Z", "");
    }

    @Override
    public List<SlurmJob> accounted(Collection<String> jobIds) throws SlurmException, InterruptedException {
        return sacct("--jobs=" + String.join(",", jobIds));
    }

    private List<SlurmJob> sacct(String... which) throws SlurmException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("sacct", jsonOption, "--allusers", "--duplicates",
                "--allocations"));
        words.addAll(List.of(which));
        return run(json::accounted, words.toArray(String[]::new)).list();
    }

    @Override
    public List<SlurmNode> nodes() throws SlurmException, InterruptedException {
        return run(json::nodes, "scontrol", jsonOption, "show", "nodes").list();
    }

    @Override
    public List<SlurmUser> users() throws SlurmException, InterruptedException {
        return run(json::users, "sacctmgr", jsonOption, "show", "user", "withcoord").list();
    }

    @Override
    public List<SlurmAccount> accounts() throws SlurmException, InterruptedException {
        return SlurmJson.accounts(run(json::associations, "sacctmgr", jsonOption, "show", "assoc").list());
    }

    private <T> Answer<T> run(Reader<T> reader, String... words) throws SlurmException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(words));
        command.set(0, folder.resolve(words[0]).toString());
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.environment().clear();
            builder.environment().putAll(environment);
            process = builder.start();
        } catch (IOException e) {
            throw new SlurmException(Problem.AWAY, words[0] + " cannot be run: " + e.getMessage(), e);
        }
        try {
            return calls.run(words[0], () -> read(process, reader));
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly(); // which also ends the reader of its output
        }
    }

    private static <T> Answer<T> read(Process process, Reader<T> reader)
            throws IOException, SlurmException, InterruptedException {
        process.getOutputStream().close();
        CompletableFuture<String> errors = new CompletableFuture<>();
        Thread.startVirtualThread(() -> errors.complete(headOf(process.getErrorStream())));
        Answer<T> answer;
        try {
            answer = reader.read(TimeLimited.bounded(process.getInputStream()));
        } catch (SlurmException e) {
            String message = messageIn(errors);
            throw message.isEmpty() ? e : new SlurmException(problem(message), "it reports: " + message, e);
        }
        int status = process.waitFor();
        if (status != 0 || !answer.errors().isEmpty()) {
            String message = messageIn(errors)
                    + answer.errors().stream().map(SlurmJson.Complaint::text).findFirst().orElse("");
            throw new SlurmException(problem(message), "exit code " + status + ", and it reports: " + message);
        }
        return answer;
    }

    private static Problem problem(String message) {
        if (WRONG_CREDENTIALS.stream().anyMatch(message::contains)) {
            return Problem.UNAUTHORIZED;
        }
        return UNREACHABLE.stream().anyMatch(message::contains) ? Problem.AWAY : Problem.REFUSED;
    }

    /** A process that the command left behind may keep the stream open: then there is no message. */
    private static String messageIn(CompletableFuture<String> errors) {
        return errors.completeOnTimeout("", 1, TimeUnit.SECONDS).join();
    }

    /** Reads to the end, so that the command never waits for room in the pipe. */
    private static String headOf(InputStream in) {
        StringBuilder kept = new StringBuilder();
        try (in) {
            byte[] some = new byte[4096];
            for (int read = in.read(some); read >= 0; read = in.read(some)) {
                String text = new String(some, 0, read, StandardCharsets.UTF_8).replaceAll("\\s+", " ");
                kept.append(text, 0, Math.min(text.length(), Math.max(0, MAX_MESSAGE - kept.length())));
            }
        } catch (IOException e) {
            kept.append(" (and the rest could not be read)");
        }
        return kept.toString();
    }

    @Override
    public void close() {
        calls.close();
    }
}
