package org.jobwitness.agent.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What /proc tells of a process to anybody: its title, its owner, when it was started. Where /proc is mounted with hidepid, it
 * tells nothing of others' processes.
 */
public final class Processes {
    /** slurmstepd's title (Slurm's src/slurmd/slurmstepd/slurmstepd.c). */
    private static final Pattern SLURMSTEPD = Pattern.compile("slurmstepd: \\[([1-9][0-9]{0,9})\\.[^\\]]*\\].*",
            Pattern.DOTALL);
    /** USER_HZ, which is part of the kernel's interface: 100 wherever Slurm runs. */
    private static final int TICKS_PER_SECOND = 100;

    private final Path proc;

    public Processes(Path proc) {
        this.proc = proc;
    }

    /** Which job a slurmstepd serves, by what it has made its title. */
    public Optional<String> jobServedBy(int slurmstepd) {
        try {
            Matcher title = SLURMSTEPD.matcher(Files.readString(proc.resolve(slurmstepd + "/cmdline")));
            return title.matches() ? Optional.of(title.group(1)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    public Optional<Integer> owner(int pid) {
        try {
            return Optional.of(
                    (Integer) Files.getAttribute(proc.resolve(String.valueOf(pid)), "unix:uid",
                            LinkOption.NOFOLLOW_LINKS));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** To the hundredth of a second, and as right as the node's clock was when it booted. */
    public Optional<Instant> started(int pid) {
        try {
            String stat = Files.readString(proc.resolve(pid + "/stat"));
            // The name stands in brackets and may hold anything; start time is the 20th word behind it.
            String[] words = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ", 21);
            Optional<Long> boot = Files.readString(proc.resolve("stat")).lines()
                    .filter(line -> line.matches("btime [0-9]{1,12}")).map(line -> Long.valueOf(line.substring(6)))
                    .findFirst();
            if (words.length < 20 || !words[19].matches("[0-9]{1,16}") || boot.isEmpty()) {
                return Optional.empty();
            }
            return Optional.of(Instant.ofEpochSecond(boot.get())
                    .plusMillis(Long.parseLong(words[19]) * 1000 / TICKS_PER_SECOND));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
