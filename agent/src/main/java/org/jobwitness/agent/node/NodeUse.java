package org.jobwitness.agent.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.wire.NodeFigures;
import org.jspecify.annotations.Nullable;

/** The load of the node, from /proc/stat, meminfo and loadavg (proc(5)). For one thread. */
public final class NodeUse {
    private static final Pattern TICKS = Pattern.compile("[0-9]{1,18}");
    private static final Pattern LOAD = Pattern.compile("([0-9]{1,9}\\.[0-9]{1,3}) .*", Pattern.DOTALL);

    private final Path proc;
    private long busyBefore = -1;
    private long allBefore;

    public NodeUse(Path proc) {
        this.proc = proc;
    }

    /**
     * Its load since the call before; figures that cannot be read are absent.
     *
     * @param gpus the number of GPUs
     * @param gpuUsagePercent the mean of their utilization
     */
    public NodeFigures read(@Nullable Integer gpus, @Nullable Double gpuUsagePercent) {
        Integer cpus = null;
        Double usage = null;
        String stat = text("stat");
        if (stat != null) {
            int count = (int) stat.lines().filter(line -> line.startsWith("cpu") && !line.startsWith("cpu ")).count();
            cpus = count == 0 ? null : Integer.valueOf(count);
            usage = usage(stat);
        }
        String meminfo = text("meminfo");
        Long total = meminfo == null ? null : kibibytes(meminfo, "MemTotal:");
        Long available = meminfo == null ? null : kibibytes(meminfo, "MemAvailable:");
        return new NodeFigures(cpus, total, gpus, usage,
                total == null || available == null ? null : Long.valueOf(Math.max(0, total - available)),
                gpuUsagePercent, load());
    }

    /** user, nice, system, idle, iowait, irq, softirq, steal; user includes guests. */
    private @Nullable Double usage(String stat) {
        String[] ticks = stat.lines().findFirst().orElse("").trim().split(" +", 10);
        if (ticks.length < 9 || !ticks[0].equals("cpu")) {
            return null;
        }
        long all = 0;
        for (int i = 1; i <= 8; i++) {
            if (!TICKS.matcher(ticks[i]).matches()) {
                return null;
            }
            all += Long.parseLong(ticks[i]);
        }
        long busy = all - Long.parseLong(ticks[4]) - Long.parseLong(ticks[5]);
        Double usage = null;
        if (busyBefore >= 0 && all > allBefore) {
            // iowait may decrease (proc(5)).
            usage = Math.clamp(100.0 * (busy - busyBefore) / (all - allBefore), 0, 100);
        }
        busyBefore = busy;
        allBefore = all;
        return usage;
    }

    private static @Nullable Long kibibytes(String meminfo, String key) {
        return meminfo.lines().filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()).replace("kB", "").trim())
                .filter(number -> number.matches("[0-9]{1,12}")).map(number -> Long.parseLong(number) * 1024)
                .findFirst().orElse(null);
    }

    private @Nullable Double load() {
        String loadavg = text("loadavg");
        if (loadavg == null) {
            return null;
        }
        Matcher load = LOAD.matcher(loadavg);
        return load.matches() ? Double.valueOf(load.group(1)) : null;
    }

    private @Nullable String text(String name) {
        try {
            return Files.readString(proc.resolve(name), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return null;
        }
    }
}
