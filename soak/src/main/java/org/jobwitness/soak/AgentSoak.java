package org.jobwitness.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** Runs the scenarios and prints their results as a table for bench/results.md; ends with status 1 if one fails. */
public final class AgentSoak {
    private static final String USAGE = """
            Usage: AgentSoak PATH-OF-jobwitness-server PATH-OF-jobwitness-agent [NAME=VALUE]...

            only=NAME,...     some of: away database agent server burst full readonly shuffled clock events
            seconds=60        for which the server is down
            kills=50          of the agent
            server-kills=20   of the server
            batches=2000      of the burst
            seed=1            of the random choices""";

    private AgentSoak() {
    }

    @FunctionalInterface
    interface Scenario {
        Result run() throws IOException, InterruptedException, SQLException;
    }

    /** The NAME=VALUE arguments. */
    record Options(Map<String, String> values) {
        static Options of(List<String> args) {
            Map<String, String> values = new HashMap<>();
            for (String arg : args) {
                String[] parts = arg.split("=", 2);
                values.put(parts[0], parts.length > 1 ? parts[1] : "");
            }
            return new Options(values);
        }

        int number(String name, int byDefault) {
            return Integer.parseInt(values.getOrDefault(name, Integer.toString(byDefault)));
        }

        List<String> names(Map<String, Scenario> all) {
            String only = values.get("only");
            return only == null ? List.copyOf(all.keySet()) : List.of(only.split(","));
        }
    }

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        if (args.length < 2) {
            System.err.println(USAGE);
            System.exit(2);
        }
        Options options = Options.of(Arrays.asList(args).subList(2, args.length));
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("soak/target")), "agents")
                .toAbsolutePath();
        boolean passed;
        try (Testbed testbed = new Testbed(command(args[0]), command(args[1]), folder)) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> closeQuietly(testbed))); // Ctrl-C
            passed = run(testbed, options);
        }
        if (passed) {
            delete(folder);
        } else {
            System.err.println("The logs of agents and server are in " + folder);
            System.exit(1);
        }
    }

    private static List<String> command(String path) {
        return List.of(Path.of(path).toAbsolutePath().toString());
    }

    private static boolean run(Testbed testbed, Options options)
            throws IOException, InterruptedException, SQLException {
        Map<String, Scenario> all = new LinkedHashMap<>();
        Random random = new Random(options.number("seed", 1));
        new ProcessFaults(testbed, options, random).addTo(all);
        new DiskFaults(testbed).addTo(all);
        new NetworkFaults(testbed, random).addTo(all);
        new EventBacklog(testbed).addTo(all);
        all.keySet().retainAll(options.names(all));
        testbed.start();
        List<Result> results = new ArrayList<>();
        for (Scenario scenario : all.values()) {
            Result result = scenario.run();
            results.add(result);
            System.err.println(result);
            testbed.relay().handler(Relay.FORWARD);
        }
        System.out.println();
        System.out.println(Result.HEADER);
        results.forEach(System.out::println);
        return results.stream().allMatch(Result::passed);
    }

    private static void closeQuietly(Testbed testbed) {
        try {
            testbed.close();
        } catch (IOException e) {
            System.err.println("not all processes have ended: " + e);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
    }
}
