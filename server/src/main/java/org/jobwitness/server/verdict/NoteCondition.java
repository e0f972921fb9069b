package org.jobwitness.server.verdict;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.JobState;
import org.jobwitness.wire.Reason;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;

/**
 * When a note of the site is shown: terms such as {@code cause = out_of_memory}, joined by {@code and}. It is data: compared with what
 * a verdict says, never run. What is not known of a run meets no term.
 */
record NoteCondition(List<Term> terms) {
    private static final Pattern TERM = Pattern.compile("\\s*([a-z_]+)\\s*(!?=)\\s*([^=!]+?)\\s*");
    private static final Pattern VALUE = Pattern.compile("[A-Za-z0-9_.@:+-]{1,64}");
    private static final int MAX_TERMS = 10;
    private static final int MAX_VALUES = 50;
    static final NoteCondition ALWAYS = new NoteCondition(List.of());

    NoteCondition {
        terms = List.copyOf(terms);
    }

    /** What a term is about. */
    enum Field {
        CAUSE,
        STATE,
        REASON,
        FINDING,
        CLUSTER,
        PARTITION,
        ACCOUNT,
        USER;

        /** That it may be; empty for any name. */
        private Set<String> words() {
            return switch (this) {
                case CAUSE -> words(Cause.values());
                case STATE -> words(JobState.values());
                case REASON -> words(Reason.values());
                case FINDING -> words(FindingRule.values());
                case CLUSTER, PARTITION, ACCOUNT, USER -> Set.of();
            };
        }

        private static Set<String> words(Enum<?>[] constants) {
            return new LinkedHashSet<>(Arrays.stream(constants).map(Enum::toString).toList());
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A field is one of some values, or none of them. */
    record Term(Field field, boolean isNot, Set<String> values) {
        Term {
            values = Set.copyOf(values);
        }

        private boolean isMet(List<String> found) {
            return (field == Field.FINDING || !found.isEmpty()) && isNot != found.stream().anyMatch(values::contains);
        }
    }

    /**
     * Reads one.
     *
     * @throws IllegalArgumentException with what is wrong
     */
    static NoteCondition parse(String text) {
        List<String> parts = List.of(text.split("\\s+and\\s+", -1));
        if (parts.size() > MAX_TERMS) {
            throw new IllegalArgumentException("a condition has at most " + MAX_TERMS + " terms");
        }
        return new NoteCondition(parts.stream().map(NoteCondition::term).toList());
    }

    private static Term term(String text) {
        Matcher term = TERM.matcher(text);
        if (!term.matches()) {
            throw new IllegalArgumentException("\"" + text.strip()
                    + "\" is no term such as: cause = out_of_memory, or partition != gpu, long");
        }
        Field field = Stream.of(Field.values()).filter(one -> one.toString().equals(term.group(1))).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no field \"" + term.group(1)
                        + "\"; fields are " + names(Field.values())));
        Set<String> values = new LinkedHashSet<>();
        for (String value : term.group(3).split("\\s*,\\s*", -1)) {
            if (!VALUE.matcher(value).matches()) {
                throw new IllegalArgumentException("\"" + value + "\" is no name of a " + field);
            }
            if (!field.words().isEmpty() && !field.words().contains(value)) {
                throw new IllegalArgumentException("there is no " + field + " \"" + value + "\"; it is one of "
                        + String.join(", ", field.words()));
            }
            values.add(value);
        }
        if (values.size() > MAX_VALUES) {
            throw new IllegalArgumentException("a term has at most " + MAX_VALUES + " values");
        }
        return new Term(field, term.group(2).equals("!="), values);
    }

    private static String names(Field[] fields) {
        return String.join(", ", Stream.of(fields).map(Field::toString).toList());
    }

    boolean isMet(RunEvidence.Run run, Cause cause, List<Verdict.Finding> findings) {
        return terms.stream().allMatch(term -> term.isMet(switch (term.field()) {
            case CAUSE -> List.of(cause.toString());
            case STATE -> List.of(run.state().toString());
            case REASON -> known(run.reason() == null ? null : run.reason().toString());
            case FINDING -> findings.stream().map(finding -> finding.rule().toString()).toList();
            case CLUSTER -> List.of(run.cluster());
            case PARTITION -> run.partition() == null ? List.of() : List.of(run.partition().split(",", -1));
            case ACCOUNT -> known(run.account());
            case USER -> known(run.user());
        }));
    }

    private static List<String> known(@Nullable String value) {
        return Optional.ofNullable(value).map(List::of).orElse(List.of());
    }
}
