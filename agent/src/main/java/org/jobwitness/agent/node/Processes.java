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
 * The public information on processes in /proc: title, owner, start. Where /proc is mounted with hidepid, processes of others are
 * hidden.
 */
public final class Processes {
    /** slurmstepd's title (Slurm's src/slurmd/slurmstepd/slurmstepd.c). */
    private static final Pattern SLURMSTEPD = Pattern.compile("slurmstepd: \\[([1-9][0-9]{0,9})\\.[^\\]]*\\].*",
            Pattern.DOTALL);
    /** USER_HZ, which is part of the kernel's interface: 100 wherever Slurm runs. */
    private static final int TICKS_PER_SECOND = 100;
    private static final int MAX_ENVIRONMENT_BYTES = 256 << 10;

    private final Path proc;

    public Processes(Path proc) {
        this.proc = proc;
    }

    /** The job of a slurmstepd, from its title. */
    public Optional<String> jobOfSlurmstepd(int slurmstepd) {
        try {
            Matcher title = SLURMSTEPD.matcher(read(slurmstepd + "/cmdline"));
            return title.matches() ? Optional.of(title.group(1)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    public Optional<Long> owner(int pid) {
        try {
            Object uid = Files.getAttribute(proc.resolve(String.valueOf(pid)), "unix:uid", LinkOption.NOFOLLOW_LINKS);
            return Optional.of(Integer.toUnsignedLong((Integer) uid));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The path of its cgroup (v2); empty if it has ended.
     *
     * @throws IOException if /proc hides it
     */
    public Optional<String> cgroup(int pid) throws IOException {
        try {
            return read(pid + "/cgroup").lines().filter(line -> line.startsWith("0::"))
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
     * A variable of its initial environment, which it may have changed since. Empty if unset, and if the agent may not read it, as is
     * usual.
     */
    public Optional<String> variable(int pid, String name) {
        try (InputStream environment = Files.newInputStream(proc.resolve(pid + "/environ"))) {
            String all = new String(environment.readNBytes(MAX_ENVIRONMENT_BYTES), StandardCharsets.UTF_8);
            return Arrays.stream(all.split("\0", -1)).filter(one -> one.startsWith(name + "="))
                    .map(one -> one.substring(name.length() + 1)).findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Its start, to the hundredth of a second, and as exact as the node's clock was at boot. */
    public Optional<Instant> started(int pid) {
        try {
            String stat = read(pid + "/stat");
            // The name is in brackets and may contain anything; the start time is the 20th word after it.
            String[] words = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ", 21);
            Optional<Long> boot = read("stat").lines()
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

    /** What users name, such as a process or a cgroup of their own, may be any bytes; what is looked for here is ASCII. */
    private String read(String file) throws IOException {
        return Files.readString(proc.resolve(file), StandardCharsets.ISO_8859_1);
    }
}
