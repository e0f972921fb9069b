package org.jobwitness.cli.options;

import org.jspecify.annotations.Nullable;

/**
 * An option of a command.
 *
 * @param letter such as {@code -u}; null if it has none
 * @param name such as {@code --user}
 * @param value what stands for its value in the help; null if it takes none
 */
public record Option(@Nullable String letter, String name, @Nullable String value, String description) {

    public static Option flag(String name, String description) {
        return new Option(null, name, null, description);
    }

    public static Option of(String name, String value, String description) {
        return new Option(null, name, value, description);
    }

    public Option orLetter(String shorter) {
        return new Option(shorter, name, value, description);
    }

    /** {@code -u, --user=NAME}, as the help shows it. */
    public String usage() {
        return (letter == null ? "    " : letter + ", ") + name + (value == null ? "" : "=" + value);
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
