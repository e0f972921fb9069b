package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.context;
import static org.jobwitness.server.verdict.FactBuilder.fact;
import static org.jobwitness.server.verdict.FactBuilder.proof;
import static org.jobwitness.server.verdict.FactBuilder.sign;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.server.verdict.RunEvidence.ReportedEnd;
import org.jobwitness.server.verdict.RunEvidence.Run;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.JobOomKill;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Strength;
import org.jobwitness.wire.Verdict.Unit;

/** The chain of evidence for how a run stands or ended. */
final class OutcomeFacts {
    private static final int MAX_KILLS = 5;
    /** scancel, a time limit and a failed node end a job with these, too. */
    private static final List<Integer> AMBIGUOUS_SIGNALS = List.of(0, 1, 9, 15);

    private final RunEvidence evidence;
    private final Run run;
    private final ReportedEnd end;
    private final Cause cause;
    private final List<Fact> facts = new ArrayList<>();

    private OutcomeFacts(Cause cause, RunEvidence evidence) {
        this.evidence = evidence;
        this.run = evidence.run();
        this.end = evidence.reported();
        this.cause = cause;
    }

    /** The strongest first. */
    static List<Fact> of(Cause cause, RunEvidence evidence) {
        OutcomeFacts chain = new OutcomeFacts(cause, evidence);
        chain.collect();
        chain.facts.sort(Comparator.comparing(Fact::strength));
        return chain.facts;
    }

    private void collect() {
        state();
        exitStatus();
        stepStatus();
        evidence.kills().stream().limit(MAX_KILLS).forEach(this::kill);
        moreKills();
        if (cause == Cause.NODE_FAILURE) {
            NodeFaults.failed(evidence).ifPresent(event -> facts.add(NodeFaults.fact(event)));
            if (end.failedNode() != null) {
                add(proof(Source.SCHEDULER, "Slurm's record says which node failed: " + Phrases.plain(end.failedNode())
                        + ".").on(end.failedNode()));
            }
        }
        if (cause == Cause.GPU_FAILURE) {
            facts.add(GpuFaults.factOfFailed(evidence));
        }
        evidence.nodes().stream().filter(on -> on.oomKills() > 0).forEach(this::countedKills);
        runTime();
        suspension();
        timeLimit();
        laterRuns();
    }

    private void add(FactBuilder fact) {
        facts.add(fact.build());
    }

    private void state() {
        if (end.rawState() != null) {
            String reason = end.stateReason() == null || end.stateReason().equals("None")
                    ? ""
                    : " with the reason " + Phrases.quoted(end.stateReason());
            add(fact(Source.SCHEDULER, end.schedulerEnd() ? Strength.PROOF : Strength.CONTEXT,
                    (cause == Cause.LOST ? "Slurm last reported the state " : "Slurm reports the state ")
                            + Phrases.quoted(end.rawState()) + reason + ".")
                    .at(run.end()));
        }
        if (cause == Cause.CANCELLED && run.reason() == Reason.CANCELLED_BY_USER) {
            add(proof(Source.SCHEDULER, "Slurm's record says who cancelled it: "
                    + (end.cancelledBy() == null ? "" : Phrases.quoted(end.cancelledBy()) + ", ")
                    + "the job's own user.").at(run.end()));
        }
        if (end.finalState() != null) {
            add(proof(Source.PERSON, "Its end was reported as " + end.finalState() + ".").at(run.end()));
        }
    }

    private void exitStatus() {
        if (end.exitCode() == null || end.signal() == null) {
            return;
        }
        int code = end.exitCode();
        int signal = end.signal();
        Optional<SlurmdError> ofSlurmd = cause == Cause.LAUNCH_FAILURE || cause == Cause.PROLOG_FAILURE
                ? SlurmdError.of(evidence)
                : Optional.empty();
        if (ofSlurmd.isPresent()) {
            add(proof(reporter(), reporterSays() + " " + code + ":" + signal
                    + " for the batch script, which is Slurm's own error " + ofSlurmd.get().number + ".")
                    .at(run.end()).step("batch").quantity("signal", signal, Unit.COUNT));
            return;
        }
        FactBuilder fact = fact(reporter(), strength(code, signal), signal == ExitWords.OOM_MARK
                ? reporterSays() + " 0:125 for " + mainProgram() + ", which is Slurm's mark of an out-of-memory kill."
                : reporterSays() + " that " + mainProgram() + " ended with "
                        + (signal == 0 ? "exit code " + code : ExitWords.signal(signal)) + ".");
        add((signal == 0
                ? fact.quantity("exit_code", code, Unit.COUNT)
                : fact.quantity("signal", signal, Unit.COUNT)).at(run.end()).step("batch"));
    }

    private String mainProgram() {
        return end.program().equals("script") ? "the batch script" : "the " + end.program();
    }

    private Strength strength(int code, int signal) {
        if (code != 0 || !AMBIGUOUS_SIGNALS.contains(signal)) {
            return Strength.PROOF;
        }
        return end.schedulerEnd() ? Strength.CONTEXT : Strength.SIGN;
    }

    private void stepStatus() {
        Integer derived = end.derivedExitCode();
        if (derived != null && derived != 0) {
            add(fact(reporter(), ExitWords.isOomMark(derived) ? Strength.PROOF : Strength.CONTEXT,
                    reporterSays() + " that a step of the job ended with " + ExitWords.status(derived) + ".")
                    .at(run.end()));
        }
    }

    private Source reporter() {
        return end.endSeen() ? Source.EPILOG : Source.SCHEDULER;
    }

    private String reporterSays() {
        return end.endSeen() ? "The epilog reported" : "Slurm's accounting shows";
    }

    private void kill(JobOomKill kill) {
        String why = switch (kill.cause()) {
            case LIMIT -> "the job reached its memory limit"
                    + (kill.limitBytes() == null ? "" : " of " + Phrases.bytes(kill.limitBytes()));
            case NODE -> "the node itself ran out of memory";
        };
        add(proof(Source.KERNEL, "The kernel killed " + Phrases.count(kill.killed(), "process", "processes") + " of "
                + Phrases.step(kill.step()) + Phrases.on(kill.node()) + " because " + why + ".").at(kill.timestamp())
                .on(kill.node()).step(kill.step()).quantity("oom_kills", kill.killed(), Unit.COUNT));
    }

    private void moreKills() {
        int more = evidence.kills().size() - MAX_KILLS;
        if (more > 0) {
            add(context(Source.KERNEL,
                    "The kernel killed processes of the job " + Phrases.count(more, "more time") + "."));
        }
    }

    private void countedKills(NodeUsage on) {
        // An epilog reads the job's cgroup, too; its figures come without a sample.
        Source reader = on.lastSample() == null ? Source.EPILOG : Source.AGENT;
        String where = Phrases.on(on.node());
        add(sign(reader, "The kernel counted "
                + Phrases.count((long) on.oomKills(), "killed process", "killed processes") + " of the job" + where
                + ".").at(on.lastSample()).on(on.node()).quantity("oom_kills", on.oomKills(), Unit.COUNT));
        if (!Double.isNaN(on.memoryPeak())) {
            String limit = Double.isNaN(on.memoryLimit())
                    ? ""
                    : "; its limit there was " + limit(on);
            add(context(reader, "The job's memory peak" + where + " was " + Phrases.bytes(on.memoryPeak()) + limit
                    + ".").at(on.lastSample()).on(on.node())
                    .quantity("max_memory", on.memoryPeak(), Unit.BYTES));
        }
    }

    private static String limit(NodeUsage on) {
        return on.hadSmallerLimit()
                ? "between " + Phrases.bytes(on.minMemoryLimit()) + " and " + Phrases.bytes(on.memoryLimit())
                : Phrases.bytes(on.memoryLimit());
    }

    private void runTime() {
        if (run.start() != null) {
            Instant start = Phrases.moment(run.start());
            add(context(starter(), "It started at " + start + ".").at(run.start()).times(start));
        }
        if (run.hasEnded() && run.end() != null) {
            Instant ended = Phrases.moment(run.end());
            FactBuilder fact = context(ender(), "It ended at " + ended + ".").at(run.end()).times(ended);
            double seconds = run.seconds(evidence.now());
            add(Double.isNaN(seconds) ? fact : fact.quantity("runtime", seconds, Unit.SECONDS));
        }
    }

    /** Whose time of its start is shown. */
    private Source starter() {
        if (end.startSeen()) {
            return Source.PROLOG;
        }
        return end.rawState() == null ? Source.RECORDS : Source.SCHEDULER;
    }

    /** Whose time of its end is shown: Slurm's replaces that of an epilog. */
    private Source ender() {
        if (end.schedulerEnd()) {
            return Source.SCHEDULER;
        }
        if (end.endSeen()) {
            return Source.EPILOG;
        }
        return end.finalState() == null ? Source.RECORDS : Source.PERSON;
    }

    private void suspension() {
        double seconds = evidence.suspendedSeconds();
        if (seconds > 0) {
            add(context(seconds == run.suspendedSeconds() ? Source.SCHEDULER : Source.AGENT,
                    "Slurm suspended it for " + Phrases.time(seconds)
                            + " of that time, which does not count as use.")
                    .quantity("suspended", seconds, Unit.SECONDS));
        }
    }

    private void timeLimit() {
        boolean wasReached = cause == Cause.TIME_LIMIT;
        if (run.deadline() != null && (wasReached || !run.hasEnded())) {
            Source source = end.rawState() == null ? Source.PROLOG : Source.SCHEDULER; // Slurm may have moved it since
            String name = source == Source.PROLOG ? "the prolog" : "Slurm";
            add(fact(source, wasReached ? Strength.SIGN : Strength.CONTEXT, "According to " + name
                    + ", the time limit " + (wasReached ? "expired" : "expires") + " at "
                    + Phrases.moment(run.deadline()) + ".").at(run.deadline()).times(Phrases.moment(run.deadline())));
        }
    }

    private void laterRuns() {
        if (end.requeued()) {
            add(sign(Source.EPILOG,
                    "The restart count, which Slurm raises with each requeue, was higher after this run than before it.")
                    .at(run.end()));
        }
        if (end.replaced()) {
            add(sign(Source.RECORDS, "A later run of the same job id is known."));
        }
    }
}
