package org.jobwitness.server.scheduler;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.job.JobTable;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.node.NodeTable;
import org.jobwitness.server.scheduler.ContactTable.Contact;
import org.jobwitness.server.scheduler.ContactTable.Part;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares what is known of jobs with Slurm's record, round by round: {@code ControllerPoll} polls slurmctld, and
 * {@code AccountingPoll} polls slurmdbd once a minute, also for runs that slurmctld no longer lists. What is known is read from
 * the database each time, so that any server can continue. The work of a {@code LeaderTask}.
 */
public final class Reconciliation implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Reconciliation.class);
    private static final Duration ACCOUNTING_INTERVAL = Duration.ofMinutes(1);
    /** A node's state counts for five minutes. */
    private static final Duration NODES_INTERVAL = Duration.ofMinutes(2);
    private static final Duration COORDINATORS_INTERVAL = Duration.ofHours(1);
    private static final int ROUNDS_PER_TURN = 200;
    /** So many intervals may pass without a response before it is a problem. */
    private static final int TOLERATED_INTERVALS = 4;
    private static final Duration POLL_TIMEOUT = Duration.ofMinutes(15);

    /**
     * How Slurm is asked.
     *
     * @param interval between two polls of slurmctld
     */
    public record Settings(Access access, Optional<Integer> apiVersion, Duration interval) {
    }

    /** The way to Slurm. */
    public sealed interface Access {
    }

    /**
     * By slurmrestd.
     *
     * @param user sent beside the token; empty where the token names it
     */
    public record Rest(SlurmAddress address, AuthToken token, Optional<String> user) implements Access {
    }

    /**
     * By Slurm's own commands.
     *
     * @param slurmConf SLURM_CONF of the commands; empty for Slurm's default
     */
    public record Commands(Path folder, Optional<String> slurmConf) implements Access {
    }

    private final Slurm slurm;
    private final NodeTable nodes;
    private final ContactTable contacts;
    private final Clock clock;
    private final Duration interval;
    private final SchedulerMetrics metrics;
    private final EvidenceIntake intake;
    private final ControllerPoll controller;
    private final AccountingPoll accounting;
    private final CoordinatorPoll coordinators;
    private final Map<Part, PollSchedule> schedules = new EnumMap<>(Part.class);
    private final Map<Part, SlurmException.Problem> problems = new EnumMap<>(Part.class);

    /** @param defaultCluster the name of a cluster that does not report its own */
    public Reconciliation(Settings settings, Database database, JobTable jobs, NodeTable nodes, Json json,
            String defaultCluster, Clock clock, PrometheusRegistry registry) {
        this(open(settings), settings.interval(), database, jobs, nodes, json, defaultCluster, clock, registry);
    }

    Reconciliation(Slurm slurm, Duration interval, Database database, JobTable jobs, NodeTable nodes, Json json,
            String defaultCluster, Clock clock, PrometheusRegistry registry) {
        this.slurm = slurm;
        this.interval = interval;
        this.nodes = nodes;
        this.contacts = new ContactTable(database);
        this.clock = clock;
        this.metrics = new SchedulerMetrics(registry);
        KnownRuns known = new KnownRuns(database);
        this.intake = new EvidenceIntake(slurm, jobs, known, new JobEvidence(json), metrics, clock, defaultCluster);
        this.controller = new ControllerPoll(slurm, known, intake, metrics, clock);
        this.accounting = new AccountingPoll(slurm, known, contacts, intake, metrics, clock);
        this.coordinators = new CoordinatorPoll(slurm, database, metrics, clock);
        schedules.put(Part.CONTROLLER, new PollSchedule(interval));
        schedules.put(Part.ACCOUNTING, new PollSchedule(longer(interval, ACCOUNTING_INTERVAL)));
        schedules.put(Part.NODES, new PollSchedule(longer(interval, NODES_INTERVAL)));
        schedules.put(Part.COORDINATORS, new PollSchedule(longer(interval, COORDINATORS_INTERVAL)));
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

    /** Some rounds, so that each can use what the one before has read. */
    public void run(Leadership leadership) throws InterruptedException {
        for (int i = 0; i < ROUNDS_PER_TURN; i++) {
            round(leadership);
            leadership.pause(schedule(Part.CONTROLLER).untilDue(clock.instant()));
        }
    }

    /** Ends first, so that the end of a run is not taken for that of the next one. */
    void round(Leadership leadership) throws InterruptedException {
        Instant began = clock.instant();
        intake.startRound();
        poll(Part.ACCOUNTING, () -> accounting.readEnds(leadership), leadership);
        List<KnownRun> vanished = new ArrayList<>();
        poll(Part.CONTROLLER, () -> vanished.addAll(controller.compare(leadership)), leadership);
        if (schedule(Part.ACCOUNTING).hasAnsweredSince(began)) {
            call(Part.ACCOUNTING, () -> {
                accounting.resolveVanished(vanished, leadership);
                accounting.backfillLateEnds(leadership);
            });
        }
        poll(Part.NODES, this::readNodes, leadership);
        poll(Part.COORDINATORS, () -> coordinators.read(leadership), leadership);
    }

    @FunctionalInterface
    private interface Call {
        void run() throws SlurmException, InterruptedException;
    }

    private void poll(Part part, Call call, Leadership leadership) throws InterruptedException {
        if (schedule(part).isDue(clock.instant())) {
            leadership.check();
            call(part, call);
        }
    }

    private void call(Part part, Call call) throws InterruptedException {
        try {
            call.run();
            answered(part, clock.instant());
        } catch (SlurmException e) {
            failed(part, e, clock.instant());
        }
    }

    private void answered(Part part, Instant now) {
        schedule(part).answered(now);
        contacts.answered(part, now);
        metrics.lastAnswer.labelValues(part.toString()).set(now.toEpochMilli() / 1e3);
        if (problems.remove(part) != null) {
            log.info("scheduler_recovered part={}", part);
            schedules.values().forEach(PollSchedule::retryNow);
        }
    }

    private void failed(Part part, SlurmException e, Instant now) {
        String cause = String.valueOf(e.getMessage());
        schedule(part).failed(now);
        contacts.failed(part, now, cause);
        if (problems.put(part, e.problem()) != e.problem()) {
            log.warn("scheduler_unavailable part={} problem={} cause=\"{}\"", part, e.problem(),
                    cause.replace('"', '\''));
        }
    }

    private PollSchedule schedule(Part part) {
        return Objects.requireNonNull(schedules.get(part));
    }

    private void readNodes() throws SlurmException, InterruptedException {
        Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
        List<SlurmNode> found = metrics.timed("nodes", slurm::nodes);
        nodes.store(found.stream().map(node -> node.reading(intake.cluster(), now)).toList());
    }

    /** The current problem with Slurm, whichever server polls it; empty if there is none. */
    public Optional<String> problem() {
        Instant now = clock.instant();
        List<String> found = contacts.all().stream().flatMap(contact -> problem(contact, now).stream()).toList();
        return found.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", found));
    }

    private Optional<String> problem(Contact contact, Instant now) {
        if (contact.askedAt().isBefore(now.minus(POLL_TIMEOUT).minus(intervalOf(contact.part())))) {
            return Optional.of("no server has asked Slurm's " + contact.part() + " since "
                    + contact.askedAt().truncatedTo(ChronoUnit.SECONDS));
        }
        Instant answered = contact.answeredAt();
        boolean isOld = answered == null
                || answered.isBefore(now.minus(intervalOf(contact.part()).multipliedBy(TOLERATED_INTERVALS)));
        return contact.problem() == null || !isOld
                ? Optional.empty()
                : Optional.of("Slurm has not answered about its " + contact.part() + " "
                        + (answered == null ? "yet" : "since " + answered.truncatedTo(ChronoUnit.SECONDS)) + ": "
                        + contact.problem());
    }

    private Duration intervalOf(Part part) {
        return part == Part.COORDINATORS ? longer(interval, COORDINATORS_INTERVAL) : interval;
    }

    @Override
    public void close() {
        slurm.close();
    }
}
