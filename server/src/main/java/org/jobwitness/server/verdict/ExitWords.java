package org.jobwitness.server.verdict;

import java.util.Map;
import java.util.Optional;

/** What signals and exit codes mean. Numbers of signals are Linux's on x86-64 and arm64 (signal(7)). */
final class ExitWords {
    private static final int FIRST_REAL_TIME = 34;
    private static final int AFTER_SIGNAL = 128;

    private static final Map<Integer, Signal> SIGNALS = Map.ofEntries(
            Map.entry(1, new Signal("SIGHUP", "the terminal or the parent of the program went away")),
            Map.entry(2, new Signal("SIGINT", "somebody pressed Ctrl-C, or sent the same by a command")),
            Map.entry(3, new Signal("SIGQUIT", "somebody asked the program to quit and leave a core dump")),
            Map.entry(4, new Signal("SIGILL",
                    "the program met an instruction that this CPU does not know; often it was built for another CPU")),
            Map.entry(5, new Signal("SIGTRAP", "a debugger's trap")),
            Map.entry(6, new Signal("SIGABRT",
                    "the program ended itself because it found that something was wrong; its last output tells what")),
            Map.entry(7, new Signal("SIGBUS",
                    "the program used memory that is not there, such as a mapped file that has become shorter, or /dev/shm being full")),
            Map.entry(8, new Signal("SIGFPE", "the program divided a whole number by zero, or the like")),
            Map.entry(9, new Signal("SIGKILL",
                    "the program was killed at once; it cannot do that to itself by a bug: a person, Slurm or the kernel did it")),
            Map.entry(10, new Signal("SIGUSR1", "a message whose meaning the program decides; unprepared, it ends")),
            Map.entry(11, new Signal("SIGSEGV",
                    "a segmentation fault: the program used memory that is not its own, which is a bug in it or in a library")),
            Map.entry(12, new Signal("SIGUSR2", "a message whose meaning the program decides; unprepared, it ends")),
            Map.entry(13, new Signal("SIGPIPE", "the program wrote to another program that had already ended")),
            Map.entry(14, new Signal("SIGALRM", "a timer that the program had set ran out")),
            Map.entry(15, new Signal("SIGTERM",
                    "the program was asked to end; scancel, a time limit and kill do that")),
            Map.entry(24, new Signal("SIGXCPU", "the program used up the CPU time that ulimit -t allows")),
            Map.entry(25, new Signal("SIGXFSZ", "the program wrote a file larger than ulimit -f allows")),
            Map.entry(31, new Signal("SIGSYS", "the program made a system call that is not allowed")));

    private ExitWords() {
    }

    private record Signal(String name, String meaning) {
    }

    /** {@code signal 11 (SIGSEGV)}. */
    static String signal(int number) {
        Signal known = SIGNALS.get(number);
        return "signal " + number + (known == null ? "" : " (" + known.name() + ")");
    }

    /** What it means that a program ended by it. */
    static String meaningOfSignal(int number) {
        Signal known = SIGNALS.get(number);
        if (known != null) {
            return known.name() + " means: " + known.meaning() + ".";
        }
        return number >= FIRST_REAL_TIME
                ? "Signal " + number + " is a real-time signal: what it means, the program decides."
                : "What signal " + number + " means is not in our list; man 7 signal has all.";
    }

    /** What it means that a script ended with it. */
    static String meaningOfExitCode(int code) {
        return signalOf(code)
                .map(signal -> "An exit code above 128 mostly means that a program in the script was ended by a signal: "
                        + code
                        + " is 128 + " + signal + ". " + meaningOfSignal(signal))
                .orElseGet(() -> switch (code) {
                    case 1 ->
                        "Exit code 1 is what most programs say when anything went wrong; their last output tells what.";
                    case 2 ->
                        "Exit code 2 is what many programs and the shell say of wrong options or a wrong command line.";
                    case 126 ->
                        "Exit code 126 is the shell's: a command was found but could not be run; often the file is not executable (chmod +x) or is a folder.";
                    case 127 ->
                        "Exit code 127 is the shell's: a command was not found; often a typing error, a module that was not loaded, or a wrong PATH.";
                    case 128 -> "Exit code 128 is what the shell says of an exit with something that is not a number.";
                    case 255 ->
                        "Exit code 255 is what programs such as ssh say of their own failure, and what an exit with -1 comes out as.";
                    default -> "What exit code " + code
                            + " means, the program decides that ended with it: its documentation or its last output tells.";
                });
    }

    /** The signal that an exit code stands for. */
    static Optional<Integer> signalOf(int code) {
        int signal = code - AFTER_SIGNAL;
        return signal > 0 && signal <= 64 ? Optional.of(signal) : Optional.empty();
    }
}
