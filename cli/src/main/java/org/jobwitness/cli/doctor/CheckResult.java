package org.jobwitness.cli.doctor;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The result of a check.
 *
 * @param what was checked, in a word or two
 * @param advice what to do; null if nothing is to be done
 */
public record CheckResult(State state, String what, String found, @Nullable String advice) {

    public enum State {
        OK,
        /** Could not be checked, or does not apply here. */
        UNKNOWN,
        PROBLEM;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public CheckResult {
        if (state == State.PROBLEM && advice == null) {
            throw new IllegalArgumentException("a problem without advice: " + what);
        }
    }

    static CheckResult ok(String what, String found) {
        return new CheckResult(State.OK, what, found, null);
    }

    static CheckResult unknown(String what, String found) {
        return new CheckResult(State.UNKNOWN, what, found, null);
    }

    static CheckResult problem(String what, String found, String advice) {
        return new CheckResult(State.PROBLEM, what, found, advice);
    }
}
