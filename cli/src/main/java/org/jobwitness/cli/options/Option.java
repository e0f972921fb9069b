package org.jobwitness.cli.options;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An option of a command.
 *
 * @param letter such as {@code -u}; null if it has none
 * @param name such as {@code --user}
 * @param value what stands for its value in the help; null if it takes none
 * @param isOptional whether the value may be left out; then it can only be given as {@code --name=value}
 * @param words the values that there are, for completion; empty if there are too many to list
 */
public record Option(@Nullable String letter, String name, @Nullable String value, boolean isOptional,
        List<String> words, String description) {

    public Option {
        words = List.copyOf(words);
    }

    public static Option flag(String name, String description) {
        return new Option(null, name, null, false, List.of(), description);
    }

    public static Option of(String name, String value, String description) {
        return new Option(null, name, value, false, List.of(), description);
    }

    /** One whose value may be left out. */
    public static Option optional(String name, String value, String description) {
        return new Option(null, name, value, true, List.of(), description);
    }

    public Option orLetter(String shorter) {
        return new Option(shorter, name, value, isOptional, words, description);
    }

    /**
     * The same with values that can be completed.
     *
     * @param known the values that there are
     */
    public Option oneOf(List<String> known) {
        return new Option(letter, name, value, isOptional, known, description);
    }

    /** {@code -u, --user=NAME}, as the help shows it. */
    public String usage() {
        String behind = isOptional ? "[=" + value + "]" : "=" + value;
        return (letter == null ? "    " : letter + ", ") + name + (value == null ? "" : behind);
    }

    /** Whether an argument is this option, alone or with its value behind it. */
    boolean matches(String argument) {
        return argument.equals(name) || argument.startsWith(name + "=")
                || (letter != null && (value == null ? argument.equals(letter) : argument.startsWith(letter)));
    }

    /** The value behind the option in the same argument; null if there is none. */
    @Nullable
    String attachedValue(String argument) {
        if (argument.startsWith("--")) {
            return argument.equals(name) ? null : argument.substring(name.length() + 1);
        }
        String rest = argument.substring(2);
        return rest.isEmpty() ? null : rest.replaceFirst("^=", "");
    }
}
