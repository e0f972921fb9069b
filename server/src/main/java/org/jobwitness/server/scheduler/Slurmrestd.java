package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.server.scheduler.SlurmException.Problem;
import org.jobwitness.server.scheduler.SlurmJson.Answer;
import org.jobwitness.server.scheduler.SlurmJson.Complaint;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The calls to slurmrestd. From v0.0.41 on it has a light list of all jobs with their states. v0.0.40 has one, too, but calls each task of an
 * array by the id of the array (slurm/captured); there, and before, the whole list has to do, which is only sent if a job has
 * changed.
 */
final class Slurmrestd implements Slurm {
    private static final Logger log = LoggerFactory.getLogger(Slurmrestd.class);
    private static final int NEWEST = 45;
    private static final int OLDEST = 39;
    private static final int FIRST_WITH_DUPLICATES = 40;
    private static final int FIRST_WITH_STATES = 41;
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    /** ESLURM_INVALID_JOB_ID (slurm_errno.h). */
    private static final long NO_SUCH_JOB = 2017;
    /** SLURM_NO_CHANGE_IN_DATA. */
    private static final long NO_CHANGE = 1900;
    /** SLURM_PROTOCOL_AUTHENTICATION_ERROR, ESLURM_AUTH_CRED_INVALID. */
    private static final List<Long> WRONG_CREDENTIALS = List.of(1007L, 6000L);
    /** SLURMCTLD_COMMUNICATIONS_ERROR of each kind, ESLURM_DB_CONNECTION. */
    private static final List<Long> UNREACHABLE = List.of(1800L, 1801L, 1802L, 1803L, 7000L);
    /** For the question why a call failed. */
    private static final Duration PROBE_TIMEOUT = Duration.ofSeconds(5);
    /** No authentication plugin of slurmrestd accepted the request; the plugins do not check tokens. */
    private static final int UNAUTHENTICATED = 401;
    private static final int WRONG_TOKEN = 511;

    private final Transport transport;
    private final AuthToken token;
    private final Optional<String> user;
    private final Optional<Integer> wanted;
    private final TimeLimited calls;
    private final TimeLimited probes;
    private final SlurmJson json = new SlurmJson();
    private @Nullable Integer version;
    private @Nullable Listing last;
    private @Nullable Long lastUpdate;

    /** @param wanted the version of its API; empty to find one */
    Slurmrestd(SlurmAddress address, AuthToken token, Optional<String> user, Optional<Integer> wanted) {
        this(address, token, user, wanted, TIMEOUT);
    }

    /** @param timeout for one call */
    Slurmrestd(SlurmAddress address, AuthToken token, Optional<String> user, Optional<Integer> wanted,
            Duration timeout) {
        this.transport = Transport.to(address);
        this.token = token;
        this.user = user;
        this.wanted = wanted;
        this.calls = new TimeLimited(timeout);
        this.probes = new TimeLimited(timeout.compareTo(PROBE_TIMEOUT) < 0 ? timeout : PROBE_TIMEOUT);
    }

    @FunctionalInterface
    private interface Reader<T> {
        Answer<T> read(InputStream in) throws IOException, SlurmException;
    }

    @Override
    public String source(boolean accounted) {
        return "slurmrestd";
    }

    @Override
    public Listing list() throws SlurmException, InterruptedException {
        if (version() >= FIRST_WITH_STATES) {
            Answer<Listing.Entry> states = get("/slurm/%s/jobs/state/", json::states);
            return new Listing(states.cluster(), states.list(), states.unreadable());
        }
        Answer<SlurmJob> jobs = get("/slurm/%s/jobs/" + (lastUpdate == null ? "" : "?update_time=" + lastUpdate),
                json::jobs);
        Listing known = last;
        boolean isUnchanged = jobs.list().isEmpty() && (jobs.errors().stream().anyMatch(e -> is(e, NO_CHANGE))
                || jobs.warnings().stream().anyMatch(text -> text.startsWith("No job changes")));
        if (known != null && isUnchanged) {
            return known;
        }
        Listing fresh = new Listing(jobs.cluster(), jobs.list().stream()
                .map(job -> new Listing.Entry(job.jobId(), job.state(), job)).toList(), jobs.unreadable());
        last = fresh;
        lastUpdate = jobs.lastUpdate();
        return fresh;
    }

    @Override
    public List<SlurmJob> job(String jobId) throws SlurmException, InterruptedException {
        return get("/slurm/%s/job/" + jobId, json::jobs).list();
    }

    @Override
    public List<SlurmJob> ended(Instant from, Instant to) throws SlurmException, InterruptedException {
        boolean takesRequeued = version() >= FIRST_WITH_DUPLICATES; // before, it was taken for PENDING
        String states = SlurmState.ENDS.stream().filter(state -> takesRequeued || !state.equals("REQUEUED"))
                .map(state -> "&state=" + state).collect(Collectors.joining());
        return accounting("start_time=uts" + from.getEpochSecond() + "&end_time=uts" + to.getEpochSecond() + states);
    }

    @Override
    public List<SlurmJob> accounted(Collection<String> jobIds) throws SlurmException, InterruptedException {
        return accounting(jobIds.stream().map(id -> "step=" + id).collect(Collectors.joining("&")));
    }

    /**
     * All runs of a job: before v0.0.40 they come unasked, and asking for them is an error. A comma in the query is one, too,
     * so that each value of a list has its parameter.
     */
    private List<SlurmJob> accounting(String query) throws SlurmException, InterruptedException {
        return get("/slurmdb/%s/jobs/?" + query + "&skip_steps=true"
                + (version() >= FIRST_WITH_DUPLICATES ? "&show_duplicates=true" : ""), json::accounted).list();
    }

    @Override
    public List<SlurmNode> nodes() throws SlurmException, InterruptedException {
        return get("/slurm/%s/nodes/", json::nodes).list();
    }

    /** Whether slurmctld takes the token; it is asked something that costs little, and that every user may. */
    boolean takesToken() throws SlurmException, InterruptedException {
        try {
            get("/slurm/%s/licenses/", json::states);
            return true;
        } catch (SlurmException e) {
            if (e.problem() == Problem.UNAUTHORIZED) {
                return false;
            }
            throw e;
        }
    }

    /** Of its API; empty before anything was asked. */
    Optional<Integer> knownVersion() {
        return Optional.ofNullable(version).or(() -> wanted);
    }

    @Override
    public List<SlurmUser> users() throws SlurmException, InterruptedException {
        return get("/slurmdb/%s/users/?with_coords=true", json::users).list();
    }

    @Override
    public List<SlurmAccount> accounts() throws SlurmException, InterruptedException {
        return SlurmJson.accounts(get("/slurmdb/%s/associations/", json::associations).list());
    }

    /** The newest version that both sides know: each is asked for until one is there. */
    private int version() throws SlurmException, InterruptedException {
        if (version == null) {
            List<Integer> tries = wanted.map(List::of)
                    .orElse(IntStream.iterate(NEWEST, v -> v >= OLDEST, v -> v - 1).boxed().toList());
            for (int candidate : tries) {
                if (isThere(candidate)) {
                    version = candidate;
                    log.info("slurmrestd_found api=v0.0.{}", candidate);
                    return candidate;
                }
            }
            throw new SlurmException(Problem.OTHER_VERSION, "slurmrestd does not know "
                    + wanted.map(one -> "v0.0." + one + ", which SLURM_API_VERSION asks for")
                            .orElse("any of v0.0." + OLDEST + " to v0.0." + NEWEST));
        }
        return version;
    }

    private boolean isThere(int candidate) throws SlurmException, InterruptedException {
        String target = "/slurm/v0.0." + candidate + "/ping/";
        return calls.run("slurmrestd " + target, () -> {
            try (Transport.Response response = transport.get(target, headers())) {
                checkAccess(response.status());
                return response.status() != 404; // any other error shows in the list
            }
        });
    }

    private <T> Answer<T> get(String form, Reader<T> reader) throws SlurmException, InterruptedException {
        String target = String.format(Locale.ROOT, form, "v0.0." + version());
        try {
            return calls.run("slurmrestd " + target.replaceFirst("\\?.*", ""), () -> {
                try (Transport.Response response = transport.get(target, headers())) {
                    return read(response, reader);
                }
            });
        } catch (SlurmException e) {
            if (e.problem() == Problem.OTHER_VERSION) {
                version = null; // it may be a newer Slurm by now
            }
            throw withCause(e, target);
        }
    }

    /**
     * The failure, with its true cause where slurmrestd reports another one. Of slurmctld that is away, it says after a minute that
     * some error happened (500, -1), but to a ping it says so at once. Of a token that slurmdbd rejects, it says that slurmdbd
     * cannot be reached; slurmctld rejects it, too, and that it says.
     */
    private SlurmException withCause(SlurmException e, String target) throws InterruptedException {
        boolean isOfAccounting = target.startsWith("/slurmdb/");
        boolean isConnection = e.getCause() instanceof IOException;
        boolean isVague = e.problem() == Problem.REFUSED || e.problem() == Problem.SLOW
                || e.problem() == Problem.AWAY;
        if (isConnection || !isVague) {
            return e;
        }
        return isOfAccounting ? accountingProblem(e) : controllerProblem(e);
    }

    private SlurmException controllerProblem(SlurmException e) throws InterruptedException {
        List<SlurmJson.Ping> pings;
        try {
            pings = probe("ping", json::pings).list();
        } catch (SlurmException _) {
            return e;
        }
        if (pings.isEmpty() || pings.stream().anyMatch(SlurmJson.Ping::responding)) {
            return e;
        }
        String hosts = pings.stream().map(ping -> ping.host() + (ping.status() == null ? "" : ": " + ping.status()))
                .collect(Collectors.joining("; "));
        return new SlurmException(Problem.AWAY,
                "slurmctld does not respond (" + hosts + "); " + e.getMessage(), e);
    }

    private SlurmException accountingProblem(SlurmException e) throws InterruptedException {
        try {
            probe("diag", json::states);
        } catch (SlurmException other) {
            if (other.problem() == Problem.UNAUTHORIZED) {
                return new SlurmException(Problem.UNAUTHORIZED, String.valueOf(other.getMessage()), e);
            }
        }
        return e;
    }

    /** Asks slurmctld something that costs it little. */
    private <T> Answer<T> probe(String what, Reader<T> reader) throws SlurmException, InterruptedException {
        String target = "/slurm/v0.0." + version + "/" + what + "/";
        return probes.run("slurmrestd " + target, () -> {
            try (Transport.Response response = transport.get(target, headers())) {
                return read(response, reader);
            }
        });
    }

    private static <T> Answer<T> read(Transport.Response response, Reader<T> reader)
            throws IOException, SlurmException {
        int status = response.status();
        checkAccess(status);
        if (status == 304) {
            return new Answer<>(null, null, List.of(), 0, List.of(new Complaint(NO_CHANGE, "not modified")), List.of());
        }
        Answer<T> answer;
        try {
            answer = reader.read(TimeLimited.bounded(response.body()));
        } catch (SlurmException e) {
            if (status == 404) {
                throw new SlurmException(Problem.OTHER_VERSION, "status 404", e);
            }
            throw status == 200 ? e : new SlurmException(ofStatus(status), "status " + status, e);
        }
        Optional<Complaint> error = answer.errors().stream().filter(e -> !is(e, NO_SUCH_JOB) && !is(e, NO_CHANGE))
                .findFirst();
        if (error.isPresent()) {
            throw new SlurmException(problem(error.get(), status), "Slurm reports: " + error.get().text());
        }
        boolean excused = !answer.errors().isEmpty();
        if (status != 200 && !excused) {
            throw new SlurmException(status == 404 ? Problem.OTHER_VERSION : ofStatus(status), "status " + status);
        }
        return answer;
    }

    private static Problem problem(Complaint error, int status) {
        if (WRONG_CREDENTIALS.stream().anyMatch(number -> is(error, number))) {
            return Problem.UNAUTHORIZED;
        }
        return UNREACHABLE.stream().anyMatch(number -> is(error, number)) ? Problem.AWAY : ofStatus(status);
    }

    /** 502 and 504: slurmrestd is there, but slurmctld or slurmdbd is not. */
    private static Problem ofStatus(int status) {
        return status == 502 || status == 504 ? Problem.AWAY : Problem.REFUSED;
    }

    private static void checkAccess(int status) throws SlurmException {
        if (status == UNAUTHENTICATED) {
            throw new SlurmException(Problem.UNAUTHORIZED,
                    "status " + status + ": slurmrestd requires a token, and on a Unix"
                            + " socket accepts one only if it was started with -a rest_auth/jwt");
        }
        if (status == 403 || status == WRONG_TOKEN) {
            throw new SlurmException(Problem.UNAUTHORIZED, "status " + status
                    + ": the token is wrong or has expired, or its user has no access");
        }
        if (status == 429 || status == 503) {
            throw new SlurmException(Problem.BUSY, "status " + status);
        }
    }

    private static boolean is(Complaint error, long number) {
        return error.number() != null && error.number() == number;
    }

    private Map<String, String> headers() throws SlurmException {
        Map<String, String> headers = new LinkedHashMap<>(Map.of("Accept", "application/json"));
        token.read().ifPresent(text -> headers.put("X-SLURM-USER-TOKEN", text));
        user.ifPresent(name -> headers.put("X-SLURM-USER-NAME", name));
        return headers;
    }

    @Override
    public void close() {
        calls.close();
        probes.close();
        transport.close();
    }
}
