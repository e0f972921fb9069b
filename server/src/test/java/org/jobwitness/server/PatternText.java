package org.jobwitness.server;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A regular expression the other way round: it makes texts that match. It knows as much of their language as patterns
 * in an API document need, and refuses the rest.
 */
final class PatternText {
    /** What the dot and a class such as {@code [^/]} choose from. */
    private static final String PRINTABLE = range(' ', '~');
    private static final int UNBOUNDED = 12;

    private final String pattern;
    private final Part whole;
    private int at;

    private PatternText(String pattern) {
        this.pattern = pattern;
        this.whole = choice();
        if (at < pattern.length()) {
            throw unknown();
        }
    }

    static PatternText of(String pattern) {
        return new PatternText(pattern);
    }

    /**
     * A text that matches.
     *
     * @param repetitions how often a part is repeated, of all numbers that the pattern allows
     */
    String text(RandomGenerator random, Repetitions repetitions) {
        StringBuilder text = new StringBuilder();
        whole.write(text, random, repetitions);
        return text.toString();
    }

    enum Repetitions {
        FEW,
        LEAST,
        MOST;

        int of(int least, int most, RandomGenerator random) {
            return switch (this) {
                case FEW -> random.nextInt(least, Math.min(most, least + 6) + 1);
                case LEAST -> least;
                case MOST -> most;
            };
        }
    }

    private sealed interface Part {
        void write(StringBuilder text, RandomGenerator random, Repetitions repetitions);
    }

    private record Choice(List<Part> parts) implements Part {
        @Override
        public void write(StringBuilder text, RandomGenerator random, Repetitions repetitions) {
            parts.get(random.nextInt(parts.size())).write(text, random, repetitions);
        }
    }

    private record Sequence(List<Part> parts) implements Part {
        @Override
        public void write(StringBuilder text, RandomGenerator random, Repetitions repetitions) {
            parts.forEach(part -> part.write(text, random, repetitions));
        }
    }

    private record Repeated(Part part, int least, int most) implements Part {
        @Override
        public void write(StringBuilder text, RandomGenerator random, Repetitions repetitions) {
            int times = repetitions.of(least, most, random);
            for (int i = 0; i < times; i++) {
                part.write(text, random, repetitions);
            }
        }
    }

    private record OneOf(String characters) implements Part {
        @Override
        public void write(StringBuilder text, RandomGenerator random, Repetitions repetitions) {
            text.append(characters.charAt(random.nextInt(characters.length())));
        }
    }

    private Part choice() {
        List<Part> parts = new ArrayList<>(List.of(sequence()));
        while (accept("|")) {
            parts.add(sequence());
        }
        return parts.size() == 1 ? parts.getFirst() : new Choice(parts);
    }

    private Part sequence() {
        List<Part> parts = new ArrayList<>();
        while (at < pattern.length() && !isNext('|') && !isNext(')')) {
            if (!accept("^") && !accept("$")) {
                parts.add(repeated(single()));
            }
        }
        return new Sequence(parts);
    }

    private Part single() {
        if (accept("(")) {
            if (isNext('?') && !accept("?:")) {
                throw unknown();
            }
            Part part = choice();
            expect(")");
            return part;
        }
        if (accept("[")) {
            return new OneOf(characterClass());
        }
        if (accept(".")) {
            return new OneOf(PRINTABLE);
        }
        return new OneOf(accept("\\") ? escaped() : next());
    }

    private Part repeated(Part part) {
        if (accept("?")) {
            return new Repeated(part, 0, 1);
        }
        if (accept("*")) {
            return new Repeated(part, 0, UNBOUNDED);
        }
        if (accept("+")) {
            return new Repeated(part, 1, UNBOUNDED);
        }
        if (accept("{")) {
            int least = number();
            int most = !accept(",") ? least : isNext('}') ? least + UNBOUNDED : number();
            expect("}");
            return new Repeated(part, least, most);
        }
        return part;
    }

    private String characterClass() {
        boolean negated = accept("^");
        StringBuilder characters = new StringBuilder();
        while (!accept("]")) {
            String from = accept("\\") ? escaped() : next();
            boolean isRange = isNext('-') && at + 1 < pattern.length() && pattern.charAt(at + 1) != ']';
            characters.append(isRange && accept("-")
                    ? range(from.charAt(0), (accept("\\") ? escaped() : next()).charAt(0))
                    : from);
        }
        return negated ? without(characters.toString()) : characters.toString();
    }

    private static String without(String characters) {
        return PRINTABLE.chars().filter(c -> characters.indexOf(c) < 0).mapToObj(Character::toString)
                .collect(Collectors.joining());
    }

    private String escaped() {
        String letter = next();
        return switch (letter) {
            case "d" -> range('0', '9');
            case "w" -> range('0', '9') + range('A', 'Z') + range('a', 'z') + "_";
            case "S" -> without(" ");
            default -> {
                if (Character.isLetterOrDigit(letter.charAt(0))) {
                    throw unknown();
                }
                yield letter;
            }
        };
    }

    private static String range(char first, char last) {
        return IntStream.rangeClosed(first, last).mapToObj(Character::toString).collect(Collectors.joining());
    }

    private int number() {
        StringBuilder digits = new StringBuilder();
        while (at < pattern.length() && Character.isDigit(pattern.charAt(at))) {
            digits.append(next());
        }
        return Integer.parseInt(digits.toString());
    }

    private boolean isNext(char c) {
        return at < pattern.length() && pattern.charAt(at) == c;
    }

    private boolean accept(String text) {
        boolean found = pattern.startsWith(text, at);
        at += found ? text.length() : 0;
        return found;
    }

    private void expect(String text) {
        if (!accept(text)) {
            throw unknown();
        }
    }

    private String next() {
        if (at == pattern.length()) {
            throw unknown();
        }
        return String.valueOf(pattern.charAt(at++));
    }

    private IllegalArgumentException unknown() {
        return new IllegalArgumentException("cannot speak " + pattern + " from character " + at + " on");
    }
}
