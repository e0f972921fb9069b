package org.jobwitness.cli.doctor;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What was found of one thing.
 *
 * @param what it is, in a word or two
 * @param advice what to do; null where there is nothing to do
 */
public record Finding(State state, String what, String found, @Nullable String advice) {

    /** How it is. */
    public enum State {
        OK,
        /** It could not be told, or does not matter here. */
        UNKNOWN,
        /** Somebody has to do something. */
        PROBLEM;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public Finding {
        if (state == State.PROBLEM && advice == null) {
            throw new IllegalArgumentException("a problem without advice: " + what);
        }
    }

    static Finding ok(String what, String found) {
        return new Finding(State.OK, what, found, null);
    }

    static Finding unknown(String what, String found) {
        return new Finding(State.UNKNOWN, what, found, null);
    }

    static Finding problem(String what, String found, String advice) {
        return new Finding(State.PROBLEM, what, found, advice);
    }
}
