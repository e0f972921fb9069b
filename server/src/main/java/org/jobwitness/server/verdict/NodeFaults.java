package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.proof;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jobwitness.server.node.NodeEventTable.Event;
import org.jobwitness.server.node.NodeEventTable.Kind;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;

/** What happened to the nodes of a run, by Slurm's record: a fault of a node comes before the program is blamed. */
final class NodeFaults {
    /** So long it takes until a node that has failed is set down, or has booted anew. */
    static final Duration NOTICED_AFTER = Duration.ofMinutes(10);

    private NodeFaults() {
    }

    /** A node of it that failed while it ran; noticed a little later, if the run did not succeed. */
    static Optional<Event> failed(RunEvidence evidence) {
        return ofRun(evidence).stream().filter(event -> event.kind() != Kind.DRAINED).findFirst();
    }

    private static List<Event> ofRun(RunEvidence evidence) {
        RunEvidence.Run run = evidence.run();
        boolean succeeded = run.state() == JobState.COMPLETED && run.reason() != Reason.LOST;
        Instant end = run.end();
        return evidence.nodeEvents().stream()
                .filter(event -> !succeeded || end == null || !event.at().isAfter(end))
                .filter(event -> event.kind() != Kind.BOOTED || wasReadBefore(event, evidence)).toList();
    }

    /** Else the node may have been started for the run: Slurm counts from when it begins to boot. */
    private static boolean wasReadBefore(Event booted, RunEvidence evidence) {
        return evidence.nodes().stream().anyMatch(on -> on.node().equals(booted.node()) && on.lastSample() != null
                && on.lastSample().isBefore(booted.at()));
    }

    static Judgement judge(RunEvidence evidence, Cause cause) {
        List<Event> events = ofRun(evidence);
        if (events.isEmpty() || cause == Cause.NODE_FAILURE) {
            return Judgement.NONE;
        }
        Event worst = failed(evidence).orElseGet(events::getFirst);
        boolean isFault = worst.kind() != Kind.DRAINED;
        return Judgement.found(FindingRule.NODE_FAULT, isFault ? Severity.CRITICAL : Severity.INFO, sentence(worst))
                .advice(isFault
                        ? "If the job failed, submit it again. If it did not, check its results."
                        : "Slurm gives this node no more jobs. If the job failed, its reason may be why.")
                .between(worst.at(), null)
                .by(events.stream().limit(UsageFacts.MAX_FACTS).map(NodeFaults::fact).toList());
    }

    /** As a part of a sentence, without the time. */
    static String phrase(Event event) {
        String node = "its node " + Phrases.plain(event.node());
        return event.kind() == Kind.BOOTED
                ? node + " booted anew"
                : "Slurm took " + node + " out of service" + why(event);
    }

    private static String sentence(Event event) {
        String node = Phrases.plain(event.node());
        String at = " at " + Phrases.moment(event.at());
        return event.kind() == Kind.BOOTED
                ? "Node " + node + " booted anew" + at + "."
                : "Slurm took node " + node + " out of service" + at + why(event) + ".";
    }

    private static String why(Event event) {
        return event.reason() == null ? "" : " (" + Phrases.quoted(event.reason()) + ")";
    }

    static Fact fact(Event event) {
        Instant at = Phrases.moment(event.at());
        return proof(Source.SCHEDULER, sentence(event)).at(at).on(event.node()).times(at).build();
    }
}
