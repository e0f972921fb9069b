package org.jobwitness.agent.node;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
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
    private static final int LONGEST_ENVIRONMENT = 256 << 10;

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

    /**
     * The cgroup (v2) it is in, as a path; empty if it has ended.
     *
     * @throws IOException if /proc keeps it to itself
     */
    public Optional<String> cgroup(int pid) throws IOException {
        try {
            return Files.readString(proc.resolve(pid + "/cgroup")).lines().filter(line -> line.startsWith("0::"))
                    .map(line -> line.substring(3)).findFirst();
        } catch (IOException e) {
            boolean mayBeHidden = Files.exists(proc.resolve(String.valueOf(pid))) || !Files.exists(proc.resolve("1"));
            if (mayBeHidden) {
                throw e;
            }
            return Optional.empty();
        }
    }

    /**
     * One variable of those it was started with, which it may have changed since. Empty where it has none of that name, and wherever
     * the agent is not root, as it should not be.
     */
    public Optional<String> variable(int pid, String name) {
        try (InputStream environment = Files.newInputStream(proc.resolve(pid + "/environ"))) {
            String all = new String(environment.readNBytes(LONGEST_ENVIRONMENT), StandardCharsets.UTF_8);
            return Arrays.stream(all.split("\0", -1)).filter(one -> one.startsWith(name + "="))
                    .map(one -> one.substring(name.length() + 1)).findFirst();
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
