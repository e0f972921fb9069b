package org.jobwitness.server.verdict;

import static org.jobwitness.server.verdict.FactBuilder.proof;

import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jobwitness.server.verdict.RunEvidence.NodeUsage;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Unit;

/** One number of each node, as the evidence of a finding. */
record UsageFacts(String name, Unit unit, ToDoubleFunction<NodeUsage> value) {
    static final int MAX_FACTS = 8;

    /** @param says what the number means there, without the node */
    List<Fact> of(List<NodeUsage> nodes, Function<NodeUsage, String> says) {
        return nodes.stream().limit(MAX_FACTS)
                .map(on -> proof(Source.AGENT, (on.node().isEmpty() ? "The job" : "Node " + Phrases.plain(on.node()))
                        + ": " + says.apply(on) + ".").at(on.lastSample()).on(on.node())
                        .quantity(name, value.applyAsDouble(on), unit).build())
                .toList();
    }

    double sum(List<NodeUsage> nodes) {
        return nodes.stream().mapToDouble(value).sum();
    }
}
