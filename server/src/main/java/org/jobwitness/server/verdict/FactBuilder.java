package org.jobwitness.server.verdict;

import java.time.Instant;
import java.util.List;
import org.jobwitness.wire.Verdict.Fact;
import org.jobwitness.wire.Verdict.Quantity;
import org.jobwitness.wire.Verdict.Source;
import org.jobwitness.wire.Verdict.Strength;
import org.jobwitness.wire.Verdict.Unit;
import org.jspecify.annotations.Nullable;

/** Builds a fact from its sentence; time, place and number are optional. */
final class FactBuilder {
    private final Source source;
    private final Strength strength;
    private final String sentence;
    private @Nullable Instant timestamp;
    private @Nullable String node;
    private @Nullable String step;
    private @Nullable Quantity quantity;
    private List<Instant> times = List.of();

    private FactBuilder(Source source, Strength strength, String sentence) {
        this.source = source;
        this.strength = strength;
        this.sentence = sentence;
    }

    static FactBuilder fact(Source source, Strength strength, String sentence) {
        return new FactBuilder(source, strength, sentence);
    }

    static FactBuilder proof(Source source, String sentence) {
        return fact(source, Strength.PROOF, sentence);
    }

    static FactBuilder sign(Source source, String sentence) {
        return fact(source, Strength.SIGN, sentence);
    }

    static FactBuilder context(Source source, String sentence) {
        return fact(source, Strength.CONTEXT, sentence);
    }

    FactBuilder at(@Nullable Instant time) {
        timestamp = time;
        return this;
    }

    /** @param name empty where figures are of the job as a whole */
    FactBuilder on(String name) {
        node = name.isEmpty() ? null : name;
        return this;
    }

    FactBuilder step(@Nullable String name) {
        step = name;
        return this;
    }

    FactBuilder quantity(String name, double value, Unit unit) {
        quantity = new Quantity(name, value, unit);
        return this;
    }

    /** The times in the sentence, each as {@link Phrases#moment} wrote it. */
    FactBuilder times(Instant... inSentence) {
        times = List.of(inSentence);
        return this;
    }

    Fact build() {
        return new Fact(source, strength, sentence, timestamp, node, step, quantity, times);
    }
}
