package org.jobwitness.server.verdict;

import java.util.Map;
import java.util.Optional;

/** Signals and exit codes in words. Numbers of signals are Linux's on x86-64 and arm64 (signal(7)). */
final class ExitWords {
    /** Slurm marks an OOM kill of the batch script as signal 125 (raw status 253), that of a step in the derived exit code. */
    static final int OOM_MARK = 125;
    private static final int FIRST_REAL_TIME = 34;
    private static final int LAST = 64;
    private static final int AFTER_SIGNAL = 128;

    private static final Map<Integer, Signal> SIGNALS = Map.ofEntries(
            signal(1, "SIGHUP", "means that the terminal or the parent process went away"),
            signal(2, "SIGINT", "means that Ctrl-C was pressed, or that a command sent the same signal"),
            signal(3, "SIGQUIT", "means that the program was asked to quit and leave a core dump"),
            signal(4, "SIGILL",
                    "means that this CPU does not know an instruction of the program; often it was built for another CPU"),
            signal(5, "SIGTRAP", "is a debugger's trap"),
            signal(6, "SIGABRT",
                    "means that the program ended itself because something was wrong; see the last lines of its output"),
            signal(7, "SIGBUS",
                    "means that the program used memory that does not exist: often a mapped file was shortened, or /dev/shm is full"),
            signal(8, "SIGFPE", "means an arithmetic error, such as dividing a whole number by zero"),
            signal(9, "SIGKILL",
                    "means that a person, Slurm or the kernel killed the program at once; a bug in the program cannot do that"),
            signal(10, "SIGUSR1", "has a meaning that the program defines; a program that does not handle it ends"),
            signal(11, "SIGSEGV",
                    "is a segmentation fault: the program used memory that is not its own, because of a bug in it or in a library"),
            signal(12, "SIGUSR2", "has a meaning that the program defines; a program that does not handle it ends"),
            signal(13, "SIGPIPE", "means that the program wrote to another program that had already ended"),
            signal(14, "SIGALRM", "means that a timer set by the program expired"),
            signal(15, "SIGTERM", "asks a program to end; scancel, a time limit and kill send it"),
            signal(24, "SIGXCPU", "means that the program used up the CPU time that ulimit -t allows"),
            signal(25, "SIGXFSZ", "means that the program wrote a file larger than ulimit -f allows"),
            signal(31, "SIGSYS", "means that the program made a system call that is not allowed"));

    private ExitWords() {
    }

    private record Signal(String name, String meaning) {
    }

    private static Map.Entry<Integer, Signal> signal(int number, String name, String meaning) {
        return Map.entry(number, new Signal(name, meaning));
    }

    /** {@code signal 11 (SIGSEGV)}. */
    static String signal(int number) {
        Signal known = SIGNALS.get(number);
        return "signal " + number + (known == null ? "" : " (" + known.name() + ")");
    }

    /** A wait(2) status: an exit code, a signal or Slurm's mark. */
    static String status(int raw) {
        int signal = raw & 0x7f;
        if (signal == OOM_MARK) {
            return "Slurm's mark of an out-of-memory kill";
        }
        return signal == 0 ? "exit code " + (raw >> 8) : signal(signal);
    }

    /** Whether a wait(2) status is Slurm's mark of an OOM kill. */
    static boolean isOomMark(int raw) {
        return (raw & 0x7f) == OOM_MARK;
    }

    static String meaningOfSignal(int number) {
        Signal known = SIGNALS.get(number);
        if (known != null) {
            return known.name() + " " + known.meaning() + ".";
        }
        if (number > LAST) {
            return "No process ends by signal " + number + ": signals have numbers up to " + LAST
                    + ". Most likely, it is a part of an error number of Slurm's own.";
        }
        return number >= FIRST_REAL_TIME
                ? "Signal " + number + " is a real-time signal; the program defines its meaning."
                : "Signal " + number + " is not in our list; see man 7 signal.";
    }

    /** The meaning of a batch script's exit code. */
    static String meaningOfExitCode(int code) {
        return signalOf(code)
                .map(signal -> "An exit code above 128 usually means that a signal ended a program in the script: "
                        + code + " is 128 + " + signal + ". " + meaningOfSignal(signal))
                .orElseGet(() -> switch (code) {
                    case 1 -> "Most programs use exit code 1 for any error; see the last lines of the output.";
                    case 2 -> "Many programs and the shell use exit code 2 for a wrong option or command line.";
                    case 126 ->
                        "Exit code 126 comes from the shell: it found a command but could not run it. Often the file is a folder, or is not executable (chmod +x).";
                    case 127 ->
                        "Exit code 127 comes from the shell: it did not find a command. Often the name is misspelled, a module is not loaded, or PATH is wrong.";
                    case 128 ->
                        "Exit code 128 comes from the shell: exit was called with something that is not a number.";
                    case 255 ->
                        "Programs such as ssh use exit code 255 for errors of their own; exit -1 also becomes 255.";
                    default -> "Exit code " + code
                            + " was set by the program itself; see its documentation and the last lines of its output.";
                });
    }

    /** The signal that an exit code stands for. */
    static Optional<Integer> signalOf(int code) {
        int signal = code - AFTER_SIGNAL;
        return signal > 0 && signal <= LAST ? Optional.of(signal) : Optional.empty();
    }
}
