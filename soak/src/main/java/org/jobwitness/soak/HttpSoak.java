package org.jobwitness.soak;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Holds thousands of unfinished requests against a server with a heap of 1 GB, and shows what good requests met with. */
public final class HttpSoak {
    private static final int CONNECTIONS = 19_000;
    private static final Duration TIME = Duration.ofSeconds(60);
    private static final Duration RECOVERY = Duration.ofSeconds(60);
    private static final Duration MAX_RESPONSE_TIME = Duration.ofSeconds(1);

    private HttpSoak() {
    }

    /**
     * Prints a line for each mix; fails if a good request failed or took too long.
     *
     * @param args the command of the server; optionally connections, seconds, and the only mix to hold
     */
    public static void main(String[] args) throws Exception {
        int connections = args.length > 1 ? Integer.parseInt(args[1]) : CONNECTIONS;
        Duration time = args.length > 2 ? Duration.ofSeconds(Long.parseLong(args[2])) : TIME;
        List<HttpAttack.Mix> mixes = args.length > 3
                ? List.of(HttpAttack.Mix.valueOf(args[3]))
                : List.of(HttpAttack.Mix.values());
        Path folder = Files.createTempDirectory("jobwitness-http-soak");
        boolean passed = true;
        System.out.printf(Locale.ROOT, "%-13s %10s %8s %7s %11s %12s %12s %12s%n", "mix", "opened", "requests",
                "failed", "longest ms", "MB before", "MB during", "MB after");
        try (ServerProcess server = new ServerProcess(List.of(args[0]), folder)) {
            server.launch();
            int port = server.awaitReady();
            for (HttpAttack.Mix mix : mixes) {
                long before = server.heapAfterCollection();
                HttpAttack.Figures figures;
                long during;
                try (HttpAttack attack = new HttpAttack(port, mix)) {
                    figures = attack.run(connections, time);
                    during = server.heapAfterCollection();
                }
                Thread.sleep(RECOVERY);
                long after = server.heapAfterCollection();
                System.out.printf(Locale.ROOT, "%-13s %10d %8d %7d %11d %12d %12d %12d%n", mix, figures.opened(),
                        figures.good(), figures.failed(), figures.longest().toMillis(), before >> 20, during >> 20,
                        after >> 20);
                figures.causes().forEach(System.out::println);
                passed &= figures.failed() == 0 && figures.longest().compareTo(MAX_RESPONSE_TIME) < 0;
            }
        }
        System.exit(passed ? 0 : 1);
    }
}
