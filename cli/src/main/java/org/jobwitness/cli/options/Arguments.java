package org.jobwitness.cli.options;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jspecify.annotations.Nullable;

/** What was typed behind a command: {@code --name=value}, {@code --name value}, {@code -n value}, and operands. */
public final class Arguments {
    private final Map<Option, String> values = new HashMap<>();
    private final List<String> operands = new ArrayList<>();

    private Arguments() {
    }

    /**
     * Reads the arguments of a command. Of an option that is given twice, the last one counts.
     *
     * @throws Problem for an option that is not among {@code known}, or has a value too many or too few
     */
    public static Arguments parse(List<Option> known, List<String> arguments) throws Problem {
        Arguments parsed = new Arguments();
        Iterator<String> rest = arguments.iterator();
        while (rest.hasNext()) {
            String argument = rest.next();
            if (argument.equals("--")) {
                rest.forEachRemaining(parsed.operands::add);
            } else if (argument.startsWith("-") && argument.length() > 1) {
                Optional<Option> option = known.stream().filter(one -> one.matches(argument)).findFirst();
                parsed.add(option.orElseThrow(() -> unknown(argument, known)), argument, rest);
            } else {
                parsed.operands.add(argument);
            }
        }
        return parsed;
    }

    private static Problem unknown(String argument, List<Option> known) {
        String typed = argument.replaceFirst("=.*", "");
        return usage("unknown option " + argument
                + Suggestion.of(typed, known.stream().map(Option::name).toList()).map(name -> "; did you mean " + name
                        + "?").orElse(""));
    }

    private void add(Option option, String argument, Iterator<String> rest) throws Problem {
        String value = option.attachedValue(argument);
        if (option.value() == null) {
            if (value != null) {
                throw usage(option.name() + " takes no value");
            }
            value = "";
        } else if (value == null && option.isOptional()) {
            value = "";
        } else if (value == null) {
            if (!rest.hasNext()) {
                throw usage(option.name() + " needs a value: " + option.value());
            }
            value = rest.next();
        }
        values.put(option, value);
    }

    public boolean has(Option option) {
        return values.containsKey(option);
    }

    /** Null if the option was not given. */
    public @Nullable String value(Option option) {
        return values.get(option);
    }

    /**
     * The value of an option as a whole number.
     *
     * @throws Problem if it is none from {@code min} to {@code max}
     */
    public long number(Option option, long ifAbsent, long min, long max) throws Problem {
        String value = values.get(option);
        try {
            long number = value == null ? ifAbsent : Long.parseLong(value);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw notANumber(option, min, max);
        }
        throw notANumber(option, min, max);
    }

    private Problem notANumber(Option option, long min, long max) {
        return usage(option.name() + " must be " + min + (max == Long.MAX_VALUE ? " or more" : ".." + max) + ", was \""
                + values.get(option) + "\"");
    }

    /**
     * Checks the number of operands.
     *
     * @param names in brackets of those that may be missing; with dots behind the last one if it may be repeated
     * @throws Problem if one of these is missing, or there are more
     */
    public void expectOperands(List<String> names) throws Problem {
        if (operands.size() < names.size() && !names.get(operands.size()).startsWith("[")) {
            throw usage(names.get(operands.size()) + " is missing");
        }
        boolean isEndless = !names.isEmpty() && names.getLast().endsWith("...");
        if (operands.size() > names.size() && !isEndless) {
            throw usage("unexpected argument \"" + operands.get(names.size()) + "\"");
        }
    }

    public String operand(int index) {
        return operands.get(index);
    }

    public List<String> operands() {
        return List.copyOf(operands);
    }

    /** Null if it was not given. */
    public @Nullable String optionalOperand(int index) {
        return index < operands.size() ? operands.get(index) : null;
    }

    private static Problem usage(String message) {
        return new Problem(Kind.USAGE, message);
    }
}
