package org.jobwitness.server;

import java.util.List;
import java.util.Optional;

/** Options of a command's own, among the settings in its arguments. */
final class CommandOptions {
    private CommandOptions() {
    }

    /**
     * Removes an option, in either form, and returns its value.
     *
     * @throws BadUsage if it is there without one
     */
    static Optional<String> take(List<String> args, String option) throws BadUsage {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).startsWith(option + "=")) {
                return Optional.of(args.remove(i).substring(option.length() + 1));
            }
            if (args.get(i).equals(option)) {
                if (i + 1 == args.size()) {
                    throw new BadUsage(option + " needs a value");
                }
                args.remove(i);
                return Optional.of(args.remove(i));
            }
        }
        return Optional.empty();
    }
}
