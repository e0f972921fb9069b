package org.jobwitness.server.scheduler;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.job.Resources;
import org.jspecify.annotations.Nullable;

/** Slurm's trackable resources: {@code cpu=4,mem=8G,node=1,gres/gpu=2}, and {@code gpu:a100:2(IDX:0-1)}. */
final class Tres {
    private static final Pattern ENTRY = Pattern
            .compile("([a-z]+(?:/[a-z]+(?::[^=,]+)?)?)=([0-9]{1,15}(?:\\.[0-9]+)?)([KMGTP]?)");
    private static final Pattern GRES = Pattern
            .compile("gpu(?::[^:(,]+)?:([0-9]{1,7})(?:\\((?:IDX:([0-9,-]+)|[^)]*)\\))?");
    private static final Pattern RANGE = Pattern.compile("([0-9]{1,4})(?:-([0-9]{1,4}))?");
    private static final Map<String, Integer> POWERS = Map.of("", 0, "K", -1, "M", 0, "G", 1, "T", 2, "P", 3);
    private static final int MAX_GPUS_OF_A_NODE = 1024;

    private Tres() {
    }

    /**
     * Memory without a unit is in MiB. No CPUs, or no memory, is none that is known: Slurm gives no job 0 CPUs, and
     * {@code --mem=0} asks for all of a node. GPUs with a type are also listed without it, unless AccountingStorageTRES of slurm.conf
     * names their types only.
     */
    static Resources of(@Nullable String text) {
        Integer cpus = null;
        Long memoryMb = null;
        Integer gpus = null;
        Integer typed = null;
        for (String entry : text == null ? new String[0] : text.split(",", -1)) {
            Matcher matcher = ENTRY.matcher(entry);
            if (matcher.matches()) {
                double amount = Double.parseDouble(matcher.group(2));
                switch (matcher.group(1)) {
                    case "cpu" -> cpus = whole(amount);
                    case "mem" ->
                        memoryMb = Math.round(amount * Math.pow(1024, POWERS.getOrDefault(matcher.group(3), 0)));
                    case "gres/gpu" -> gpus = whole(amount);
                    default -> typed = sum(typed, matcher.group(1).startsWith("gres/gpu:") ? whole(amount) : null);
                }
            }
        }
        return resources(cpus, memoryMb, gpus == null ? typed : gpus);
    }

    /** Null if both are. */
    private static @Nullable Integer sum(@Nullable Integer one, @Nullable Integer other) {
        return one == null || other == null ? (one == null ? other : one) : whole((double) one + other);
    }

    private static Resources resources(@Nullable Integer cpus, @Nullable Long memoryMb, @Nullable Integer gpus) {
        return new Resources(cpus == null || cpus == 0 ? null : cpus,
                memoryMb == null || memoryMb == 0 ? null : memoryMb,
                gpus);
    }

    /** A list of {@code {type, name, count}}, where memory is in MiB. */
    static Resources of(List<Fields> entries) {
        Integer cpus = null;
        Long memoryMb = null;
        Integer gpus = null;
        Integer typed = null;
        for (Fields entry : entries) {
            String type = entry.text("type");
            String name = entry.text("name");
            if ("cpu".equals(type)) {
                cpus = entry.count("count");
            } else if ("mem".equals(type)) {
                memoryMb = entry.positive("count");
            } else if ("gres".equals(type) && "gpu".equals(name)) {
                gpus = entry.count("count");
            } else if ("gres".equals(type) && name != null && name.startsWith("gpu:")) {
                typed = sum(typed, entry.count("count"));
            }
        }
        return resources(cpus, memoryMb, gpus == null ? typed : gpus);
    }

    /** The number of GPUs in an expression for a node's gres; null if it has none. */
    static @Nullable Integer gpuCount(@Nullable String gres) {
        Integer count = null;
        Matcher matcher = GRES.matcher(gres == null ? "" : gres);
        while (matcher.find()) {
            count = (count == null ? 0 : count) + Integer.parseInt(matcher.group(1));
        }
        return count;
    }

    /** The indices of GPUs in an expression for a node's gres; empty if it has none. */
    static List<String> gpuIndices(String gres) {
        List<String> indices = new ArrayList<>();
        Matcher matcher = GRES.matcher(gres);
        while (matcher.find()) {
            for (String range : matcher.group(2) == null ? new String[0] : matcher.group(2).split(",", -1)) {
                Matcher ends = RANGE.matcher(range);
                if (!ends.matches()) {
                    return List.of();
                }
                int last = Integer.parseInt(ends.group(2) == null ? ends.group(1) : ends.group(2));
                for (int index = Integer.parseInt(ends.group(1)); index <= last; index++) {
                    indices.add(String.valueOf(index));
                }
            }
        }
        return indices.size() > MAX_GPUS_OF_A_NODE ? List.of() : indices;
    }

    private static @Nullable Integer whole(double amount) {
        return amount <= Integer.MAX_VALUE ? Integer.valueOf((int) amount) : null;
    }
}
