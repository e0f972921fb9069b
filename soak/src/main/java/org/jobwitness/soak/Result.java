package org.jobwitness.soak;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The result of a scenario: a row of the table.
 *
 * @param comparison null if the scenario could not run here
 */
record Result(String scenario, @Nullable Comparison comparison, String notes) {
    static final String HEADER = """
            | scenario | batches / readings sent | stored | lost | duplicates | notes |
            |---|---|---|---|---|---|""";
    private static final int MAX_ERRORS_SHOWN = 5;

    static Result notRun(String scenario, String cause) {
        return new Result(scenario, null, "not run: " + cause);
    }

    boolean passed() {
        return comparison == null || comparison.passed();
    }

    /** The same with one more error. */
    Result withError(String error) {
        return comparison == null ? this : new Result(scenario, comparison.withError(error), notes);
    }

    @Override
    public String toString() {
        if (comparison == null) {
            return "| " + scenario + " | | | | | " + notes + " |";
        }
        List<String> errors = comparison.errors();
        return String.format(Locale.ROOT, "| %s | %d / %d | %d | %d | %d | %s%s |", scenario, comparison.batches(),
                comparison.readings(), comparison.stored(), comparison.lost(), comparison.duplicates(), notes,
                errors.isEmpty() ? "" : " **WRONG: " + errors.stream().limit(MAX_ERRORS_SHOWN).toList() + "**");
    }
}
