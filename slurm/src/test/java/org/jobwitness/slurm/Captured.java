package org.jobwitness.slurm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A run of a hook on a real cluster: the environment it had, when it began, and its own cgroup with the figures of the
 * job's, where there was one. {@code scenario} is the folder it lies in, such as contain/c2-oom-step, or that of another Slurm
 * than 24.11, such as slurm-26.05/more/resize.
 */
record Captured(String scenario, String hook, String node, Map<String, String> environment, String start, String self,
        Map<String, String> cgroupFiles) {
    private static final Path ALL = Path.of("captured");
    static final Path FOLDER = ALL.resolve("slurm-24.11");

    private static final Pattern BLOCK = Pattern.compile("(?m)^######## ");
    private static final Pattern HEADER = Pattern.compile("([0-9.]+)\\.(prolog|epilog)\\.(\\w+)\\.(env|cgroup)");
    private static final Pattern START = Pattern.compile("(?m)^# hook=.* start=(\\d+)");
    private static final Pattern SELF = Pattern.compile("(?m)^# own cgroup: (.*)$");

    static List<Captured> all() {
        try (Stream<Path> files = Files.walk(ALL)) {
            return files.filter(file -> file.getFileName().toString().startsWith("hooks-job")).sorted()
                    .flatMap(file -> read(file).stream()).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Captured one(String scenario, String hook, String node) {
        return all(scenario, hook, node).getFirst();
    }

    /** In the order of time; more than one if the job was requeued. */
    static List<Captured> all(String scenario, String hook, String node) {
        var found = all().stream()
                .filter(run -> run.scenario.equals(scenario) && run.hook.equals(hook) && run.node.equals(node))
                .toList();
        if (found.isEmpty())
            throw new AssertionError("no " + hook + " of " + scenario + " on " + node);
        return found;
    }

    /** Writes the cgroup as the hook saw it, and gives the whole environment for a run of it now. */
    Map<String, String> replayed(Path folder, String url) throws IOException {
        var replayed = new TreeMap<>(environment);
        replayed.put("OBSERVABILITY_API_URL", url);
        replayed.put("JOBWITNESS_CONF", "/dev/null");
        replayed.put("JOBWITNESS_SPOOL_DIR", folder.resolve("spool").toString());
        replayed.put("JOBWITNESS_NOW", start);
        replayed.put("JOBWITNESS_SELF_CGROUP", Files.writeString(folder.resolve("self"), self + "\n").toString());
        replayed.put("JOBWITNESS_CGROUP_ROOT", folder.resolve("cgroup").toString());
        for (var file : cgroupFiles.entrySet()) {
            var path = folder.resolve("cgroup" + file.getKey());
            Files.createDirectories(path.getParent());
            Files.writeString(path, file.getValue());
        }
        return replayed;
    }

    boolean isOf(String slurm) {
        return scenario.startsWith("slurm-") ? scenario.startsWith("slurm-" + slurm + "/") : slurm.equals("24.11");
    }

    boolean insideTheJob() {
        return self.contains("/step_extern/");
    }

    @Override
    public String toString() {
        return scenario + " " + hook + " on " + node + " of job " + environment.get("SLURM_JOB_ID");
    }

    private static List<Captured> read(Path file) {
        var runs = new ArrayList<Captured>();
        var cgroups = new TreeMap<String, Map<String, String>>();
        for (var block : BLOCK.split(text(file))) {
            var header = HEADER.matcher(block.lines().findFirst().orElse(""));
            if (!header.matches())
                continue;
            var key = header.group(1) + header.group(2) + header.group(3);
            if (header.group(4).equals("cgroup")) {
                cgroups.put(key, cgroupFiles(block));
            } else {
                runs.add(new Captured(scenario(file.getParent()), header.group(2), header.group(3),
                        environment(block), first(START, block), first(SELF, block),
                        cgroups.getOrDefault(key, Map.of())));
            }
        }
        return runs;
    }

    private static String scenario(Path folder) {
        return (folder.startsWith(FOLDER) ? FOLDER : ALL).relativize(folder).toString();
    }

    private static Map<String, String> environment(String block) {
        var environment = new TreeMap<String, String>();
        block.lines().skip(1).filter(line -> !line.startsWith("#") && line.contains("="))
                .forEach(line -> environment.put(line.split("=", 2)[0], line.split("=", 2)[1]));
        return environment;
    }

    private static Map<String, String> cgroupFiles(String block) {
        var files = new TreeMap<String, String>();
        for (var section : block.split("(?m)^-- /sys/fs/cgroup")) {
            var lines = section.split("\n", 2);
            if (lines[0].startsWith("/"))
                files.put(lines[0], lines[1]);
        }
        return files;
    }

    private static String first(Pattern pattern, String text) {
        var matcher = pattern.matcher(text);
        if (!matcher.find())
            throw new AssertionError("no " + pattern + " in " + text);
        return matcher.group(1);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
