package org.jobwitness.server.verdict;

import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.wire.Verdict.Option;
import org.jobwitness.wire.Verdict.Unit;
import org.jspecify.annotations.Nullable;

/** Options of sbatch to change, and notes on those that stay. */
record Suggestion(List<Option> options, List<String> notes) {
    static final Suggestion NONE = new Suggestion(List.of(), List.of());

    Suggestion {
        options = List.copyOf(options);
        notes = List.copyOf(notes);
    }

    static Suggestion option(String name, String value, double amount, Unit unit, @Nullable String before,
            String why) {
        return new Suggestion(List.of(new Option(name, value, amount, unit, before, why)), List.of());
    }

    static Suggestion note(String text) {
        return new Suggestion(List.of(), List.of(text));
    }

    static Suggestion of(Suggestion... parts) {
        return new Suggestion(Stream.of(parts).flatMap(part -> part.options.stream()).toList(),
                Stream.of(parts).flatMap(part -> part.notes.stream()).toList());
    }
}
