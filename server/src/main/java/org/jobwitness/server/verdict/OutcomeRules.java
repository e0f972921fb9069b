package org.jobwitness.server.verdict;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.OomCause;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Strength;
import org.jspecify.annotations.Nullable;

/**
 * How a run stands or ended. State, reason and whether they are sure were decided when they were told
 * ({@code job.Outcome}); this finds the cause behind them, the chain of evidence, and the words.
 */
final class OutcomeRules {
    private static final int SIGKILL = 9;
    private static final int OOM_MARK = 125;
    private static final int KILLED = 137;
    private static final int MOST_KILLS_TOLD = 5;

    private final RunEvidence evidence;
    private final RunEvidence.Run run;
    private final RunEvidence.Said said;
    private final List<Fact> facts = new ArrayList<>();
    private final List<String> missing = new ArrayList<>();

    private OutcomeRules(RunEvidence evidence) {
        this.evidence = evidence;
        this.run = evidence.run();
        this.said = evidence.said();
    }

    static Verdict.Outcome judge(RunEvidence evidence) {
        return new OutcomeRules(evidence).outcome();
    }

    static Cause causeOf(RunEvidence evidence) {
        return new OutcomeRules(evidence).cause();
    }

    /** What the rules make of a cause; the rest is the same for all. */
    private record Words(String headline, @Nullable String meaning, @Nullable String advice) {
    }

    private Verdict.Outcome outcome() {
        Cause cause = cause();
        boolean confirmed = isConfirmed(cause);
        Words words = words(cause, confirmed);
        collectFacts(cause);
        collectMissing(cause, confirmed);
        facts.sort(Comparator.comparing(Fact::strength));
        return new Verdict.Outcome(run.state(), cause, confirmed, words.headline(), words.meaning(), words.advice(),
                facts, missing, evidence.oomKills() > 0 || sawOomMark() ? outOfMemory() : null);
    }

    private Cause cause() {
        return switch (run.state()) {
            case PENDING -> Cause.PENDING;
            case RUNNING -> Cause.RUNNING;
            case COMPLETED -> completed();
            case FAILED, CANCELLED -> run.reason() == null ? Cause.UNKNOWN : ended(run.reason());
        };
    }

    private Cause completed() {
        if (run.reason() == Reason.LOST) {
            return Cause.LOST;
        }
        if (!Boolean.TRUE.equals(run.confirmed())) {
            return Cause.UNKNOWN;
        }
        return evidence.oomKills() > 0 || sawOomMark() ? Cause.COMPLETED_DESPITE_OOM : Cause.COMPLETED;
    }

    private Cause ended(Reason reason) {
        return switch (reason) {
            case OUT_OF_MEMORY -> onlyTheNodesMemoryRanOut() ? Cause.NODE_OUT_OF_MEMORY : Cause.OUT_OF_MEMORY;
            case TIMEOUT -> Cause.TIME_LIMIT;
            case NODE_FAILURE -> Cause.NODE_FAILURE;
            case PREEMPTED -> Cause.PREEMPTED;
            case CANCELLED, CANCELLED_BY_USER, CANCELLED_BY_ADMIN -> Cause.CANCELLED;
            case SIGNAL -> onlyTheNodesMemoryRanOut() ? Cause.NODE_OUT_OF_MEMORY : Cause.SIGNAL;
            case EXIT_CODE -> onlyTheNodesMemoryRanOut() ? Cause.NODE_OUT_OF_MEMORY : Cause.EXIT_CODE;
            case REQUEUED -> Cause.REQUEUED;
            case LAUNCH_FAILURE -> Cause.LAUNCH_FAILURE;
            case DEADLINE -> Cause.DEADLINE;
            case LOST -> Cause.LOST;
            case UNKNOWN -> Cause.UNKNOWN;
        };
    }

    /** The kernel killed processes of it, and not because it met a limit of its own. */
    private boolean onlyTheNodesMemoryRanOut() {
        return !evidence.kills().isEmpty() && !said.oomCounted()
                && evidence.kills().stream().allMatch(kill -> kill.cause() == OomCause.NODE);
    }

    /** That the node's memory had run out is sure; that the job ended of it is so only if its end looks like that. */
    private boolean isConfirmed(Cause cause) {
        return switch (cause) {
            case PENDING, RUNNING -> true;
            case LOST, UNKNOWN -> false;
            case NODE_OUT_OF_MEMORY -> Boolean.TRUE.equals(run.confirmed())
                    && (Objects.equals(said.exitCode(), KILLED) || Objects.equals(said.signal(), SIGKILL)
                            || sawOomMark());
            case COMPLETED, COMPLETED_DESPITE_OOM, OUT_OF_MEMORY, TIME_LIMIT, CANCELLED, PREEMPTED, NODE_FAILURE,
                    SIGNAL,
                    EXIT_CODE, LAUNCH_FAILURE, DEADLINE, REQUEUED ->
                Boolean.TRUE.equals(run.confirmed());
        };
    }

    /** Slurm marks an OOM kill of the batch script as signal 125 (raw status 253), that of a step in the derived exit code. */
    private boolean sawOomMark() {
        return Objects.equals(said.signal(), OOM_MARK)
                || (said.derivedExitCode() != null && (said.derivedExitCode() & 0x7f) == OOM_MARK);
    }

    private Words words(Cause cause, boolean confirmed) {
        return switch (cause) {
            case PENDING -> pending();
            case RUNNING -> running();
            case COMPLETED -> new Words(job() + " completed" + after() + ".", stepsThatFailed(), null);
            case COMPLETED_DESPITE_OOM -> completedDespiteOom();
            case OUT_OF_MEMORY -> outOfMemoryWords();
            case NODE_OUT_OF_MEMORY -> nodeOutOfMemory(confirmed);
            case TIME_LIMIT -> timeLimit(confirmed);
            case CANCELLED -> cancelled();
            case PREEMPTED -> new Words(job() + " was stopped by Slurm" + after()
                    + " to make room for a job that goes first.",
                    "Slurm calls this preemption: the cluster lets more urgent jobs take the place of others.",
                    "Nothing is wrong with the job. Submit it again, in a partition or QOS that is not preempted if there is one; save its state from time to time (checkpoints), so that it can go on from there.");
            case NODE_FAILURE -> nodeFailure();
            case SIGNAL -> signal(confirmed);
            case EXIT_CODE -> exitCode();
            case LAUNCH_FAILURE -> new Words("Slurm could not start " + theJob() + ".",
                    "It was given its nodes, but what should have begun there did not: a fault of the cluster, seldom of the job.",
                    "Submit it again; if it happens again, tell your administrators the job id and the node.");
            case DEADLINE -> new Words(job() + " was removed because it could not be done before its deadline.",
                    "The deadline is the one given to sbatch --deadline, not the time limit.",
                    "Ask for a later --deadline or less --time.");
            case REQUEUED -> new Words(job() + " was put back into the queue" + after()
                    + (confirmed ? "." : ", as its restart count shows."),
                    "This is one run of the job; under the same id it began anew, or will.",
                    said.replaced() ? "Look at the newest run of the job." : null);
            case LOST ->
                new Words(job() + " is over, but nobody saw its end: " + (said.replaced()
                        ? "a later job has its id, or it began anew."
                        : "Slurm knows it no more, and no agent has seen it for a while."),
                        "No epilog told of the end, as happens when a node fails or the script is not installed there.",
                        null);
            case UNKNOWN -> unknown();
        };
    }

    private Words pending() {
        String why = said.stateReason();
        boolean hasReason = why != null && !why.equals("None");
        return new Words(job() + " waits: it has not begun"
                + (run.submit() == null
                        ? "."
                        : ", " + Phrases.time(Duration.between(run.submit(), evidence.now()))
                                + " after it was submitted."),
                hasReason ? PendingReasons.meaning(Objects.requireNonNull(why)) : null, null);
    }

    private Words running() {
        double seconds = run.seconds(evidence.now());
        if (Double.isNaN(seconds)) {
            return new Words(job() + " runs.", null, null);
        }
        if (evidence.isSuspended()) {
            return new Words(job() + " is suspended. It began " + Phrases.time(seconds) + " ago.",
                    "Slurm has stopped its processes, to let another job go first or because an operator asked for it. They keep their memory, its time limit waits, and it goes on where it stopped.",
                    null);
        }
        boolean isLate = run.deadline() != null && evidence.now().isAfter(run.deadline().plus(Duration.ofMinutes(10)));
        String limit = run.deadline() == null
                ? ""
                : ", of at most " + Phrases.time(Duration.between(Objects.requireNonNull(run.start()), run.deadline()));
        return new Words(job() + " has been running for " + Phrases.time(seconds) + limit + ".",
                isLate
                        ? "Its time limit has passed, but nobody has told of its end: the news may be on its way, or lost."
                        : null,
                null);
    }

    private @Nullable String stepsThatFailed() {
        Integer derived = said.derivedExitCode();
        return derived == null || derived == 0
                ? null
                : "One of its steps ended with " + status(derived)
                        + ", but its script went on and ended with exit code 0, so Slurm counts it as completed.";
    }

    private Words completedDespiteOom() {
        return new Words(job() + " completed, but " + killedProcesses() + " of it had been killed because "
                + whichMemory() + ".",
                "Its script went on and ended with exit code 0, so Slurm counts it as completed. What the killed process should have done may be missing.",
                "Check its results. " + askForMore());
    }

    private Words outOfMemoryWords() {
        Verdict.OutOfMemory oom = outOfMemory();
        StringBuilder headline = new StringBuilder(job()).append(" ran out of memory");
        if (oom.node() != null) {
            headline.append(" on ").append(Phrases.plain(oom.node()));
        }
        if (oom.step() != null) {
            headline.append(" in ").append(Phrases.step(oom.step()));
        }
        if (oom.limitBytes() != null) {
            headline.append(": it may use ").append(Phrases.bytes(oom.limitBytes())).append(" there, and needed more");
        }
        return new Words(headline.append(".").toString(),
                "When a job needs more memory than it may use, the kernel kills processes of it"
                        + (oom.kills() == null ? "." : ": here " + oom.kills() + "."),
                askForMore());
    }

    private static String askForMore() {
        return "Ask for more memory (--mem or --mem-per-cpu), or make the program use less, such as by smaller pieces of data or fewer tasks at once on a node.";
    }

    private Words nodeOutOfMemory(boolean confirmed) {
        JobOomKill first = evidence.kills().getFirst();
        return new Words((confirmed ? job() + " ended" : job() + " failed") + " after " + killedProcesses()
                + " of it had been killed because the node " + Phrases.plain(first.node())
                + " itself had no memory left.",
                "That is not the job's own memory limit: all jobs on the node together, or the system, used up its memory, and the kernel chose this process.",
                "Submit it again. If the job asked for less memory than it uses, ask for as much; else tell your administrators the node and the time.");
    }

    private Words timeLimit(boolean confirmed) {
        double limit = limitSeconds();
        String of = Double.isNaN(limit) ? "" : " of " + Phrases.time(limit);
        return confirmed
                ? new Words(job() + " was ended by Slurm because its time limit" + of + " was over.", null, moreTime())
                : new Words(job() + " ended when its time limit" + of + " was over, so most likely that ended it.",
                        "Slurm's script after the job is told nothing of a time limit; that the end fits it to the second is a strong sign.",
                        moreTime());
    }

    private static String moreTime() {
        return "Ask for more time (--time), or have the program save its state before the end and go on from there in the next job.";
    }

    private double limitSeconds() {
        if (!Double.isNaN(run.timeLimitSeconds())) {
            return run.timeLimitSeconds();
        }
        return run.start() == null || run.deadline() == null
                ? Double.NaN
                : Duration.between(run.start(), run.deadline()).toMillis() / 1e3;
    }

    private Words cancelled() {
        String by = said.cancelledBy() == null
                ? switch (run.reason()) {
                    case CANCELLED_BY_USER -> " by its own user";
                    case CANCELLED_BY_ADMIN -> " by an administrator";
                    case null, default -> "";
                }
                : " by " + Phrases.quoted(said.cancelledBy());
        return new Words(run.start() == null
                ? job() + " was cancelled" + by + " before it began."
                : job() + " was cancelled" + by + after() + ".", null, null);
    }

    private Words nodeFailure() {
        String node = run.nodes().size() == 1 ? " " + Phrases.plain(run.nodes().getFirst()) : "";
        return new Words(job() + " ended because " + (node.isEmpty() ? "a node" : "the node" + node)
                + " that it ran on failed" + after() + ".",
                "The node stopped answering Slurm: a fault of the hardware or the system there, seldom of the job.",
                "Submit it again. Work since its last saved state (checkpoint) is lost.");
    }

    private Words signal(boolean confirmed) {
        Integer signal = said.signal();
        if (signal == null || signal == 0) {
            return new Words(job() + " was ended by a signal" + after() + ".", null, null);
        }
        String headline = job() + " was ended by " + ExitWords.signal(signal) + after() + ".";
        String meaning = ExitWords.meaningOfSignal(signal);
        return confirmed
                ? new Words(headline, meaning, signal == SIGKILL ? whoKilled() : lookAtOutput())
                : new Words(headline, meaning + (signal == 1
                        ? " But Slurm tells the same of a job whose node has failed."
                        : " Whether somebody cancelled the job or a program sent the signal, a node cannot tell."),
                        null);
    }

    private static String lookAtOutput() {
        return "Look at the end of the job's output (slurm-JOBID.out, or what --output names) for what the program said last.";
    }

    private String whoKilled() {
        return evidence.oomKills() == 0 && !evidence.nodes().isEmpty()
                ? "No OOM kill was counted in the job, so its memory limit is not why. " + lookAtOutput()
                : lookAtOutput();
    }

    private Words exitCode() {
        Integer code = said.exitCode();
        if (code == null || code == 0) {
            return new Words(job() + " failed: its script ended with an exit code that is not 0" + after() + ".", null,
                    lookAtOutput());
        }
        String notMemory = code == KILLED && evidence.oomKills() == 0 && !evidence.nodes().isEmpty()
                ? " Mostly that comes from lack of memory; but here the kernel has killed no process for that, as far as its nodes were watched."
                : "";
        return new Words(job() + " failed: its script ended with exit code " + code + after() + ".",
                ExitWords.meaningOfExitCode(code) + notMemory, switch (code) {
                    case 126 -> "Look for the name of the file at the end of the job's output, and make it executable.";
                    case 127 ->
                        "Look for “command not found” in the job's output; load the module that has the command, or give its full path.";
                    default -> lookAtOutput();
                });
    }

    private Words unknown() {
        if (run.state() == JobState.FAILED) {
            return new Words(job() + " failed" + after() + ", but nobody has said of what.", null, lookAtOutput());
        }
        if (run.state() == JobState.CANCELLED) {
            return new Words(job() + " was ended" + after() + ", but nobody has said by whom or why.", null, null);
        }
        String kills = evidence.oomKills() > 0
                ? " after " + killedProcesses() + " of it had been killed because " + whichMemory()
                : after();
        return new Words(job() + " has ended" + kills
                + "; whether it was done or was stopped, only Slurm itself knows.",
                Objects.equals(said.exitCode(), 0)
                        ? "Slurm's script after the job is told 0:0 both when a job is done and when it was cancelled or requeued. So this may be a success, but it is not confirmed."
                        : "Nobody has told how its script ended.",
                null);
    }

    /** {@code Job 123}, as a sentence begins. */
    private String job() {
        return "Job " + run.id();
    }

    private String theJob() {
        return "job " + run.id();
    }

    private String after() {
        double seconds = run.seconds(evidence.now());
        return Double.isNaN(seconds) ? "" : " after " + Phrases.time(seconds);
    }

    private String killedProcesses() {
        long kills = evidence.oomKills();
        return kills == 0 ? "a process" : Phrases.count(kills, "process", "processes");
    }

    private String whichMemory() {
        return onlyTheNodesMemoryRanOut()
                ? "the node itself had no memory left"
                : "the job needed more memory than it may use";
    }

    private static String status(int raw) {
        int signal = raw & 0x7f;
        if (signal == OOM_MARK) {
            return "Slurm's mark of an out-of-memory kill";
        }
        return signal == 0 ? "exit code " + (raw >> 8) : ExitWords.signal(signal);
    }

    private Verdict.OutOfMemory outOfMemory() {
        Optional<JobOomKill> first = firstKill();
        Optional<RunEvidence.OnNode> node = first
                .flatMap(kill -> evidence.nodes().stream().filter(on -> on.node().equals(kill.node())).findFirst())
                .or(() -> evidence.nodes().stream().filter(on -> on.oomKills() > 0).findFirst());
        Long limit = first.map(JobOomKill::limitBytes)
                .orElseGet(() -> node.map(on -> wholeOrNull(on.memoryLimit())).orElse(null));
        OomCause cause = first.map(JobOomKill::cause).orElse(said.oomCounted() ? OomCause.LIMIT : null);
        return new Verdict.OutOfMemory(cause, evidence.oomKills() == 0 ? null : Long.valueOf(evidence.oomKills()),
                first.map(JobOomKill::timestamp).orElse(null),
                first.map(JobOomKill::node).or(() -> node.map(RunEvidence.OnNode::node)).orElse(null),
                first.map(JobOomKill::step).orElse(null), cause == OomCause.NODE ? null : limit,
                node.map(on -> wholeOrNull(on.memoryPeak())).orElse(null));
    }

    /** Of its own limit, if there is any; else of the node's memory. */
    private Optional<JobOomKill> firstKill() {
        return evidence.kills().stream().filter(kill -> kill.cause() == OomCause.LIMIT).findFirst()
                .or(() -> evidence.kills().stream().findFirst());
    }

    private static @Nullable Long wholeOrNull(double value) {
        return Double.isNaN(value) ? null : Long.valueOf((long) value);
    }

    private void collectFacts(Cause cause) {
        if (said.rawState() != null) {
            String reason = said.stateReason() == null || said.stateReason().equals("None")
                    ? ""
                    : ", for the reason " + Phrases.quoted(said.stateReason());
            facts.add(new Fact(Source.SCHEDULER, said.schedulerEnd() ? Strength.PROOF : Strength.CONTEXT,
                    (cause == Cause.LOST ? "Slurm last called its state " : "Slurm calls its state ")
                            + Phrases.quoted(said.rawState()) + reason + ".",
                    run.end(), null, null,
                    null));
        }
        if (said.finalState() != null) {
            facts.add(new Fact(Source.PERSON, Strength.PROOF,
                    "Whoever told of its end called it " + said.finalState() + ".", run.end(), null, null, null));
        }
        exitFact();
        derivedFact();
        killFacts();
        timeFacts(cause);
        if (said.requeued()) {
            facts.add(new Fact(Source.EPILOG, Strength.SIGN,
                    "The restart count, which Slurm raises with each requeue, was higher after this run than before it.",
                    run.end(), null, null, null));
        }
        if (said.replaced()) {
            facts.add(new Fact(Source.RECORDS, Strength.SIGN, "A later run of the same job id is known.", null, null,
                    null, null));
        }
    }

    private void exitFact() {
        if (said.exitCode() == null || said.signal() == null) {
            return;
        }
        int code = said.exitCode();
        int signal = said.signal();
        boolean couldBeAnything = code == 0 && (signal == 0 || signal == 1 || signal == SIGKILL || signal == 15);
        Strength strength = !couldBeAnything ? Strength.PROOF : said.schedulerEnd() ? Strength.CONTEXT : Strength.SIGN;
        String says = signal == OOM_MARK
                ? who() + " 0:125 of the batch script, which is Slurm's mark of an out-of-memory kill."
                : who() + " that the batch script ended with "
                        + (signal == 0 ? "exit code " + code : ExitWords.signal(signal)) + ".";
        facts.add(new Fact(ofStatus(), strength, says, run.end(), null,
                "batch",
                signal == 0
                        ? new Verdict.Quantity("exit_code", code, Verdict.Unit.COUNT)
                        : new Verdict.Quantity("signal", signal, Verdict.Unit.COUNT)));
    }

    private Source ofStatus() {
        return said.endSeen() ? Source.EPILOG : Source.SCHEDULER;
    }

    private String who() {
        return said.endSeen() ? "The epilog was told" : "Slurm's accounting tells";
    }

    private void derivedFact() {
        Integer derived = said.derivedExitCode();
        if (derived != null && derived != 0) {
            facts.add(new Fact(ofStatus(), (derived & 0x7f) == OOM_MARK ? Strength.PROOF : Strength.CONTEXT,
                    who() + " that the worst of the job's steps ended with " + status(derived) + ".",
                    run.end(), null, null, null));
        }
    }

    private void killFacts() {
        evidence.kills().stream().limit(MOST_KILLS_TOLD).forEach(kill -> facts.add(killFact(kill)));
        int rest = evidence.kills().size() - MOST_KILLS_TOLD;
        if (rest > 0) {
            facts.add(new Fact(Source.KERNEL, Strength.CONTEXT, "So it did " + Phrases.count(rest, "more time") + ".",
                    null,
                    null, null, null));
        }
        for (RunEvidence.OnNode on : evidence.nodes()) {
            if (on.oomKills() > 0) {
                facts.add(new Fact(reader(on), Strength.SIGN,
                        "The kernel counted "
                                + Phrases.count((long) on.oomKills(), "killed process", "killed processes")
                                + " of the job on " + Phrases.plain(on.node()) + ".",
                        on.lastSample(), on.node(), null,
                        new Verdict.Quantity("oom_kills", on.oomKills(), Verdict.Unit.COUNT)));
                memoryFact(on);
            }
        }
    }

    /** An epilog reads the job's cgroup, too. What it read came without a sample. */
    private static Source reader(RunEvidence.OnNode on) {
        return on.lastSample() == null ? Source.EPILOG : Source.AGENT;
    }

    private void memoryFact(RunEvidence.OnNode on) {
        if (!Double.isNaN(on.memoryPeak())) {
            facts.add(new Fact(reader(on), Strength.CONTEXT, "At most, the job had " + Phrases.bytes(on.memoryPeak())
                    + " of memory on " + Phrases.plain(on.node())
                    + (Double.isNaN(on.memoryLimit())
                            ? "."
                            : ", where it may have " + Phrases.bytes(on.memoryLimit()) + "."),
                    on.lastSample(), on.node(), null,
                    new Verdict.Quantity("max_memory", on.memoryPeak(), Verdict.Unit.BYTES)));
        }
    }

    private Fact killFact(JobOomKill kill) {
        String where = " of " + Phrases.step(kill.step()) + " on " + Phrases.plain(kill.node());
        String why = switch (kill.cause()) {
            case LIMIT -> kill.limitBytes() == null
                    ? " because the job met its memory limit."
                    : " because the job met its memory limit of " + Phrases.bytes(kill.limitBytes()) + ".";
            case NODE -> " because the node itself had no memory left.";
        };
        return new Fact(Source.KERNEL, Strength.PROOF,
                "The kernel killed " + Phrases.count(kill.killed(), "process", "processes") + where + why,
                kill.timestamp(), kill.node(), kill.step(),
                new Verdict.Quantity("oom_kills", kill.killed(), Verdict.Unit.COUNT));
    }

    private void timeFacts(Cause cause) {
        double seconds = run.seconds(evidence.now());
        if (!Double.isNaN(seconds)) {
            Instant from = Phrases.moment(Objects.requireNonNull(run.start()));
            Instant to = Objects.requireNonNull(run.hasEnded() ? run.end() : evidence.now());
            facts.add(new Fact(said.startSeen() ? Source.PROLOG : Source.RECORDS, Strength.CONTEXT,
                    "It began at " + from + (run.hasEnded() ? " and ended at " : "; now it is ")
                            + Phrases.moment(to) + ".",
                    to, null, null, new Verdict.Quantity("runtime", seconds, Verdict.Unit.SECONDS))
                    .withTimes(from, Phrases.moment(to)));
        }
        double suspended = evidence.suspendedSeconds();
        if (suspended > 0) {
            facts.add(new Fact(suspended == run.suspendedSeconds() ? Source.SCHEDULER : Source.AGENT, Strength.CONTEXT,
                    "Slurm had it suspended for " + Phrases.time(suspended) + " of that, which is not counted as use.",
                    null, null, null, new Verdict.Quantity("suspended", suspended, Verdict.Unit.SECONDS)));
        }
        if (run.deadline() != null && (cause == Cause.TIME_LIMIT || !run.hasEnded())) {
            boolean isOfSlurm = said.rawState() != null; // which may have moved it since the prolog
            facts.add(new Fact(isOfSlurm ? Source.SCHEDULER : Source.PROLOG,
                    cause == Cause.TIME_LIMIT ? Strength.SIGN : Strength.CONTEXT,
                    (isOfSlurm
                            ? "By Slurm's word the time limit ends it at "
                            : "The prolog was told that the time limit ends it at ")
                            + Phrases.moment(run.deadline()) + ".",
                    run.deadline(), null, null, null).withTimes(Phrases.moment(run.deadline())));
        }
    }

    private void collectMissing(Cause cause, boolean confirmed) {
        if (run.hasEnded() && !confirmed && !said.schedulerEnd()) {
            missing.add("Slurm's own word for the end; sacct -j " + run.id() + " -o State,ExitCode has it.");
        }
        if (run.hasEnded() && !said.startSeen() && said.endSeen()) {
            missing.add("No prolog told of its start, so what it asked for may not be known.");
        }
        if (run.start() != null && evidence.nodes().isEmpty()) {
            missing.add("No agent told what it used, so nothing can be said of its CPUs, memory and GPUs.");
        }
        boolean oom = cause == Cause.OUT_OF_MEMORY || cause == Cause.COMPLETED_DESPITE_OOM;
        if (oom && evidence.kills().isEmpty()) {
            missing.add(
                    "Nobody saw the moment of the kill, so node, step and limit are known only as far as they are told here.");
        }
        if (cause == Cause.CANCELLED && said.cancelledBy() == null && run.reason() == Reason.CANCELLED) {
            missing.add("Who cancelled it; sacct -j " + run.id() + " -o State has the user's number.");
        }
    }
}
