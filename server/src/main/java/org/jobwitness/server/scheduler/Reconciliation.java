package org.jobwitness.server.scheduler;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.job.Evidence;
import org.jobwitness.server.job.Identity;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.job.NodeAllocation;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeReading;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.scheduler.ContactTable.Contact;
import org.jobwitness.server.scheduler.ContactTable.Part;
import org.jobwitness.wire.JobState;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds what is known of jobs against what Slurm says, round by round. A round asks slurmctld for the light list of its jobs
 * and looks up those whose state is not the one that is known, and a few others; once a minute it asks slurmdbd what has ended
 * since, and what became of runs that slurmctld has no more, or of whose end it has not told. What is known is read from the
 * database each time, so that any server can go on. The work of a {@code LeaderTask}.
 */
public final class Reconciliation implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Reconciliation.class);
    private static final Duration ACCOUNTING_INTERVAL = Duration.ofMinutes(1);
    /** A node's state counts for five minutes. */
    private static final Duration NODES_INTERVAL = Duration.ofMinutes(2);
    private static final int ROUNDS_OF_A_TURN = 200;
    /** Of slurmctld, one by one. */
    private static final int MOST_LOOKED_UP = 200;
    /** Of slurmdbd, in one call. */
    private static final int MOST_ACCOUNTED = 100;
    private static final int MOST_CALLS_FOR_RUNS = 10;
    /** The newest ends first; asking for so many takes twenty minutes. */
    private static final int MOST_UNTOLD = 20_000;
    private static final Duration UNTOLD_INTERVAL = Duration.ofHours(1);
    /** Slurm's clock may differ, and slurmdbd may hear late of an end. */
    private static final Duration MARGIN = Duration.ofMinutes(5);
    private static final Duration WINDOW = Duration.ofHours(1);
    private static final Duration FIRST_LOOK_BACK = Duration.ofDays(1);
    private static final Duration LONGEST_LOOK_BACK = Duration.ofDays(7);
    private static final Duration LOST_AFTER = Duration.ofMinutes(30);
    /** So many rounds may fail before it is trouble. */
    private static final int PATIENCE = 4;
    private static final Duration NOBODY_ASKS = Duration.ofMinutes(15);

    /**
     * How Slurm is asked.
     *
     * @param interval between two looks at the light list
     */
    public record Settings(Access access, Optional<Integer> apiVersion, Duration interval) {
    }

    /** By what way. */
    public sealed interface Access {
    }

    /**
     * By slurmrestd.
     *
     * @param user the name that goes with the token; empty where the token has it
     */
    public record Rest(SlurmAddress address, AuthToken token, Optional<String> user) implements Access {
    }

    /**
     * By Slurm's own commands.
     *
     * @param slurmConf SLURM_CONF of the commands; empty where Slurm finds its own
     */
    public record Commands(Path folder, Optional<String> slurmConf) implements Access {
    }

    private final Slurm slurm;
    private final JobTable jobs;
    private final NodeTable nodes;
    private final KnownRuns known;
    private final ContactTable contacts;
    private final JobEvidence evidence;
    private final Clock clock;
    private final Duration interval;
    private final SchedulerMetrics metrics;
    /** Its own name once it has said it. */
    private String cluster;
    private final Map<Part, PollSchedule> paces = new EnumMap<>(Part.class);
    private final RefreshQueue secondLooks = new RefreshQueue();
    /** Jobs that slurmdbd is still to be asked for in this hour. */
    private final Deque<String> untold = new ArrayDeque<>();
    private final PollSchedule untoldPace = new PollSchedule(UNTOLD_INTERVAL);
    private final Map<Part, SlurmException.Trouble> troubles = new EnumMap<>(Part.class);
    /** Joins what one round changes in the audit trail and the log. */
    private String roundId = "";

    /** @param defaultCluster the name of a cluster that does not tell its own */
    public Reconciliation(Settings settings, Database database, JobTable jobs, NodeTable nodes, Json json,
            String defaultCluster, Clock clock, PrometheusRegistry registry) {
        this(open(settings), settings.interval(), database, jobs, nodes, json, defaultCluster, clock, registry);
    }

    Reconciliation(Slurm slurm, Duration interval, Database database, JobTable jobs, NodeTable nodes, Json json,
            String defaultCluster, Clock clock, PrometheusRegistry registry) {
        this.slurm = slurm;
        this.interval = interval;
        this.jobs = jobs;
        this.nodes = nodes;
        this.known = new KnownRuns(database);
        this.contacts = new ContactTable(database);
        this.evidence = new JobEvidence(json);
        this.cluster = defaultCluster;
        this.clock = clock;
        this.metrics = new SchedulerMetrics(registry);
        paces.put(Part.CONTROLLER, new PollSchedule(interval));
        paces.put(Part.ACCOUNTING, new PollSchedule(longer(interval, ACCOUNTING_INTERVAL)));
        paces.put(Part.NODES, new PollSchedule(longer(interval, NODES_INTERVAL)));
    }

    private static Slurm open(Settings settings) {
        return switch (settings.access()) {
            case Rest rest -> new Slurmrestd(rest.address(), rest.token(), rest.user(), settings.apiVersion());
            case Commands commands -> new SlurmCommands(commands.folder(), commands.slurmConf(), settings.apiVersion());
        };
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) > 0 ? one : other;
    }

    /** One turn's work: some rounds, so that what is learned in one serves the next. */
    public void run(Leadership turn) throws InterruptedException {
        for (int i = 0; i < ROUNDS_OF_A_TURN; i++) {
            round(turn);
            turn.pause(pace(Part.CONTROLLER).untilDue(clock.instant()));
        }
    }

    /** What ended first, so that it is not taken for what began after it. */
    void round(Leadership turn) throws InterruptedException {
        Instant began = clock.instant();
        roundId = "round-" + UUID.randomUUID();
        ask(turn, Part.ACCOUNTING, () -> learnWhatEnded(turn));
        List<KnownRun> gone = new ArrayList<>();
        ask(turn, Part.CONTROLLER, () -> gone.addAll(compare(turn)));
        if (pace(Part.ACCOUNTING).hasAnsweredSince(began)) {
            answer(Part.ACCOUNTING, () -> {
                learnWhatBecameOf(gone, turn);
                learnWhatWasToldLate(turn);
            });
        }
        ask(turn, Part.NODES, this::learnOfNodes);
    }

    @FunctionalInterface
    private interface Question {
        void ask() throws SlurmException, InterruptedException;
    }

    private void ask(Leadership turn, Part part, Question question) throws InterruptedException {
        if (pace(part).isDue(clock.instant())) {
            turn.check();
            answer(part, question);
        }
    }

    private void answer(Part part, Question question) throws InterruptedException {
        try {
            question.ask();
            Instant now = clock.instant();
            pace(part).answered(now);
            contacts.answered(part, now);
            metrics.lastAnswer.labelValues(part.toString()).set(now.toEpochMilli() / 1e3);
            if (troubles.remove(part) != null) {
                log.info("scheduler_works_again part={}", part);
                paces.values().forEach(PollSchedule::tryAgain);
            }
        } catch (SlurmException e) {
            Instant now = clock.instant();
            pace(part).failed(now);
            String trouble = String.valueOf(e.getMessage());
            contacts.failed(part, now, trouble);
            if (troubles.put(part, e.trouble()) != e.trouble()) {
                log.warn("scheduler_failed part={} trouble={} cause=\"{}\"", part, e.trouble(),
                        trouble.replace('"', '\''));
            }
        }
    }

    private PollSchedule pace(Part part) {
        return Objects.requireNonNull(paces.get(part));
    }

    private void learnWhatEnded(Leadership turn) throws SlurmException, InterruptedException {
        Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
        Instant earliest = now.minus(LONGEST_LOOK_BACK);
        Instant from = contacts.toldTo().map(told -> told.minus(MARGIN)).orElse(now.minus(FIRST_LOOK_BACK));
        for (Instant at = from.isBefore(earliest) ? earliest : from; at.isBefore(now); at = at.plus(WINDOW)) {
            turn.check();
            Instant begin = at;
            boolean isLast = !at.plus(WINDOW).isBefore(now);
            Instant end = isLast ? now.plus(MARGIN) : at.plus(WINDOW);
            takeAccounted(metrics.timed("ended", () -> slurm.ended(begin, end)), turn);
            contacts.toldTo(isLast ? now : end);
        }
    }

    /**
     * Asks for the list of jobs, and looks up those that have changed.
     *
     * @return runs that go on here, and are not in the list
     */
    private List<KnownRun> compare(Leadership turn) throws SlurmException, InterruptedException {
        Listing listing = metrics.timed("list", slurm::list);
        if (listing.cluster() != null) {
            cluster = listing.cluster();
        }
        metrics.unreadable.inc(listing.unreadable());
        List<Listing.Entry> entries = listing.entries();
        Set<String> ids = entries.stream().map(Listing.Entry::jobId).collect(Collectors.toSet());
        List<KnownRun> open = known.open(cluster);
        Map<String, KnownRun> runs = known.newest(cluster, ids).stream()
                .collect(Collectors.toMap(KnownRun::jobId, run -> run));
        secondLooks.forgetAllBut(ids);
        boolean isDone = lookUp(
                entries.stream().filter(entry -> isNews(runs.get(entry.jobId()), entry.state())).toList(), turn);
        if (isDone) {
            lookAgain(entries, runs, turn);
        }
        boolean isSure = listing.unreadable() == 0;
        return open.stream().filter(run -> isSure && isSlurmId(run.jobId()) && !ids.contains(run.jobId())).toList();
    }

    private static boolean isNews(@Nullable KnownRun run, SlurmState state) {
        return run == null || run.isBehind(state);
    }

    /**
     * What has ended is most wanted, and what waits least: there may be more than can be looked up at once.
     *
     * @return whether all have been looked up
     */
    private boolean lookUp(List<Listing.Entry> changed, Leadership turn) throws SlurmException, InterruptedException {
        List<SlurmJob> inHand = changed.stream().flatMap(entry -> Stream.ofNullable(entry.job())).toList();
        for (List<SlurmJob> some : streaming(inHand, MOST_ACCOUNTED)) {
            turn.check();
            some.forEach(job -> {
                take(job);
                secondLooks.lookedAt(job.jobId(), clock.instant());
            });
        }
        List<String> ids = changed.stream().filter(entry -> entry.job() == null)
                .sorted(Comparator.comparingInt(Reconciliation::urgency))
                .map(Listing.Entry::jobId).filter(Reconciliation::isSlurmId).distinct().toList();
        metrics.waiting.set(Math.max(0, ids.size() - MOST_LOOKED_UP));
        for (String id : ids.subList(0, Math.min(ids.size(), MOST_LOOKED_UP))) {
            turn.check();
            List<SlurmJob> found = metrics.timed("job", () -> slurm.job(id));
            secondLooks.lookedAt(id, clock.instant());
            Map<String, KnownRun> runs = known.newest(cluster, found.stream().map(SlurmJob::jobId).toList()).stream()
                    .collect(Collectors.toMap(KnownRun::jobId, run -> run));
            found.stream().filter(job -> isNews(runs.get(job.jobId()), job.state())).forEach(this::take);
        }
        return ids.size() <= MOST_LOOKED_UP;
    }

    /** Learns what has changed of jobs that wait or run on, some a round. */
    private void lookAgain(List<Listing.Entry> entries, Map<String, KnownRun> runs, Leadership turn)
            throws SlurmException, InterruptedException {
        Map<KnownRun, Listing.Entry> open = new HashMap<>();
        for (Listing.Entry entry : entries) {
            KnownRun run = runs.get(entry.jobId());
            if (run != null && !run.state().isFinal() && !run.isBehind(entry.state())) {
                open.put(run, entry);
            }
        }
        for (KnownRun run : secondLooks.due(open.keySet(), clock.instant())) {
            turn.check();
            SlurmJob inHand = Objects.requireNonNull(open.get(run)).job();
            List<SlurmJob> found = inHand != null
                    ? List.of(inHand)
                    : metrics.timed("job", () -> slurm.job(run.jobId()));
            secondLooks.lookedAt(run.jobId(), clock.instant());
            found.stream().filter(job -> job.jobId().equals(run.jobId())).forEach(job -> takeAgain(job, run));
        }
    }

    private static int urgency(Listing.Entry entry) {
        return entry.state().meaning()
                .map(meaning -> meaning.state().isFinal() ? 0 : meaning.state() == JobState.RUNNING ? 1 : 2).orElse(3);
    }

    private void learnWhatBecameOf(List<KnownRun> gone, Leadership turn) throws SlurmException, InterruptedException {
        List<List<KnownRun>> portions = streaming(gone, MOST_ACCOUNTED);
        for (List<KnownRun> some : portions.subList(0, Math.min(portions.size(), MOST_CALLS_FOR_RUNS))) {
            List<SlurmJob> found = learnOf(some.stream().map(KnownRun::jobId).toList(), turn);
            Set<String> ids = found.stream().map(SlurmJob::jobId).collect(Collectors.toSet());
            Instant longAgo = clock.instant().minus(LOST_AFTER);
            some.stream().filter(run -> !ids.contains(run.jobId()) && run.heardAt().isBefore(longAgo))
                    .forEach(run -> jobs.lose(caller(true),
                            new Evidence.Lost(new Identity(cluster, run.jobId(), null, run.start()), run.heardAt())));
        }
    }

    /**
     * slurmdbd may hear of an end long after it, when that time has been read: it was away itself, or slurmctld had many to
     * tell. Where slurmctld's own word was missed, too, it is asked for the jobs by their ids, once an hour.
     */
    private void learnWhatWasToldLate(Leadership turn) throws SlurmException, InterruptedException {
        Instant now = clock.instant();
        if (untold.isEmpty() && untoldPace.isDue(now)) {
            known.untold(cluster, now.minus(LONGEST_LOOK_BACK), now.minus(MARGIN), MOST_UNTOLD).stream().distinct()
                    .filter(Reconciliation::isSlurmId).forEach(untold::add);
            untoldPace.answered(now);
        }
        for (int call = 0; call < MOST_CALLS_FOR_RUNS && !untold.isEmpty(); call++) {
            List<String> some = untold.stream().limit(MOST_ACCOUNTED).toList();
            learnOf(some, turn);
            some.forEach(_ -> untold.remove());
        }
    }

    /** Asks slurmdbd for jobs by their ids, and takes in what it says. */
    private List<SlurmJob> learnOf(Collection<String> jobIds, Leadership turn)
            throws SlurmException, InterruptedException {
        turn.check();
        List<SlurmJob> found = metrics.timed("accounted", () -> slurm.accounted(jobIds));
        takeAccounted(found, turn);
        return found;
    }

    /** Takes in those ends that are news. */
    private void takeAccounted(List<SlurmJob> found, Leadership turn) throws InterruptedException {
        List<SlurmJob> ended = found.stream().filter(job -> job.state().end().isPresent()).toList();
        for (List<SlurmJob> some : streaming(ended, MOST_ACCOUNTED)) {
            turn.check();
            Map<String, List<KnownRun>> runs = known
                    .all(cluster, some.stream().map(SlurmJob::jobId).collect(Collectors.toSet())).stream()
                    .collect(Collectors.groupingBy(KnownRun::jobId));
            some.stream().filter(job -> evidence.of(job, cluster, clock.instant())
                    .map(said -> runs.getOrDefault(job.jobId(), List.of()).stream().noneMatch(
                            run -> run.hasHeard(said.identity().startTime(), said.rawState(), said.reason())))
                    .orElse(false)).forEach(this::take);
        }
    }

    private void take(SlurmJob job) {
        Evidence.Reported said = evidence.of(job, cluster, clock.instant()).orElse(null);
        if (said == null) {
            return;
        }
        Caller caller = caller(job.accounted());
        metrics.evidence.labelValues(jobs.apply(caller, said).status().toString()).inc();
        List<NodeAllocation> gpus = said.state() == JobState.RUNNING ? evidence.gpus(job) : List.of();
        if (!gpus.isEmpty()) {
            Set<String> told = known.nodesWithKnownGpus(said.identity().cluster(), job.jobId());
            gpus.stream().filter(node -> !told.contains(node.node()))
                    .forEach(node -> jobs.apply(caller, said.on(node)));
        }
    }

    /** Takes in what may have changed, if the run is still what it was; all else of it has been said before. */
    private void takeAgain(SlurmJob job, KnownRun run) {
        Evidence.Reported said = evidence.of(job, cluster, clock.instant()).orElse(null);
        if (said != null && said.state() == run.state() && run.began(said.identity().startTime())) {
            metrics.evidence.labelValues(jobs.apply(caller(false), said.again()).status().toString()).inc();
        } else {
            take(job);
        }
    }

    private Caller caller(boolean accounted) {
        return new Caller("scheduler", null, slurm.source(accounted), roundId, new Scope.Everything());
    }

    private void learnOfNodes() throws SlurmException, InterruptedException {
        Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
        List<SlurmNode> told = metrics.timed("nodes", slurm::nodes);
        nodes.store(told.stream().map(node -> new NodeReading(cluster, node.name(), now, null, node.state(),
                JobEvidence.fitting(node.reason()), node.cpus(),
                node.memoryMb() == null ? null : Long.valueOf(node.memoryMb() << 20), node.gpus(), null, null, null,
                null, List.of())).toList());
    }

    /** Of jobs that people make by hand, Slurm knows nothing. */
    private static boolean isSlurmId(String jobId) {
        return jobId.matches("[1-9][0-9]{0,9}");
    }

    private static <T> List<List<T>> streaming(List<T> all, int most) {
        return IntStream.range(0, (all.size() + most - 1) / most)
                .mapToObj(i -> all.subList(i * most, Math.min(all.size(), (i + 1) * most))).toList();
    }

    /** What is wrong with it, whichever server should have done it; empty if nothing is. */
    public Optional<String> trouble() {
        Instant now = clock.instant();
        List<String> troubles = contacts.all().stream().flatMap(contact -> trouble(contact, now).stream()).toList();
        return troubles.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", troubles));
    }

    private Optional<String> trouble(Contact contact, Instant now) {
        if (contact.askedAt().isBefore(now.minus(NOBODY_ASKS).minus(interval))) {
            return Optional.of("no server has asked Slurm's " + contact.part() + " since "
                    + contact.askedAt().truncatedTo(ChronoUnit.SECONDS));
        }
        Instant answered = contact.answeredAt();
        boolean isOld = answered == null || answered.isBefore(now.minus(interval.multipliedBy(PATIENCE)));
        return contact.trouble() == null || !isOld
                ? Optional.empty()
                : Optional.of("Slurm has not answered about its " + contact.part() + " "
                        + (answered == null ? "yet" : "since " + answered.truncatedTo(ChronoUnit.SECONDS)) + ": "
                        + contact.trouble());
    }

    @Override
    public void close() {
        slurm.close();
    }
}
