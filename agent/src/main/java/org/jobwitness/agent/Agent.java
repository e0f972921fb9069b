package org.jobwitness.agent;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.agent.cgroup.Watch;
import org.jobwitness.agent.clock.NodeClock;
import org.jobwitness.agent.command.Check;
import org.jobwitness.agent.command.ReleaseGpus;
import org.jobwitness.agent.config.AgentConfig;
import org.jobwitness.agent.config.AgentSetting;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.Gpus;
import org.jobwitness.agent.gpu.amd.Amd;
import org.jobwitness.agent.gpu.nvidia.Nvidia;
import org.jobwitness.agent.log.Log;
import org.jobwitness.agent.sampling.Sampler;
import org.jobwitness.agent.ship.Destination;
import org.jobwitness.agent.ship.Shipper;
import org.jobwitness.agent.spool.BatchSpool;
import org.jobwitness.agent.status.MetricsPage;

/** {@code jobwitness-agent}: all its wiring. */
public final class Agent {
    private static final Path SETTINGS = Path.of("/etc/jobwitness/jobwitness.conf");
    private static final int USAGE_ERROR = 2;

    private Agent() {
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        Locale.setDefault(Locale.ROOT);
        List<String> words = Arrays.asList(args);
        boolean isNamed = !words.isEmpty() && !words.getFirst().startsWith("--");
        String command = isNamed ? words.getFirst() : "run";
        List<String> arguments = isNamed ? words.subList(1, words.size()) : words;
        List<String> minutes = command.equals("release-gpus")
                ? arguments.stream().takeWhile(word -> !word.startsWith("--")).toList()
                : List.of();
        List<String> flags = arguments.subList(minutes.size(), arguments.size());
        if (flags.contains("--help") || command.equals("help")) {
            help(System.out);
            return;
        }
        if (flags.contains("--version")) {
            System.out.println("jobwitness-agent " + version());
            return;
        }
        try {
            Map<String, String> environment = System.getenv();
            AgentConfig config = AgentConfig.read(flags, environment,
                    Path.of(environment.getOrDefault("JOBWITNESS_CONF", SETTINGS.toString())));
            switch (command) {
                case "run" -> run(config);
                case "release-gpus" -> System.exit(releaseGpus(config).release(minutes));
                case "take-gpus" -> System.exit(releaseGpus(config).take());
                case "check" ->
                    System.exit(new Check(config, gpuSources(config), NodeClock.SYSTEM, System.out).run() ? 0 : 1);
                default -> {
                    System.err.println(command + " is not a command of jobwitness-agent; see --help");
                    System.exit(USAGE_ERROR);
                }
            }
        } catch (AgentConfig.InvalidSettingException e) {
            System.err.println(e.getMessage());
            System.exit(USAGE_ERROR);
        }
    }

    private static ReleaseGpus releaseGpus(AgentConfig config) {
        return new ReleaseGpus(config.folder(), NodeClock.SYSTEM, System.out, System.err);
    }

    private static List<GpuSource> gpuSources(AgentConfig config) {
        return config.readsGpus() ? List.of(new Nvidia(), new Amd(config.sysRoot())) : List.of();
    }

    private static void run(AgentConfig config) throws IOException, InterruptedException {
        NodeClock clock = NodeClock.SYSTEM;
        Log log = new Log(System.err);
        BatchSpool spool = new BatchSpool(config.folder(), config.spoolBytes(), config.spoolAge(), clock,
                log);
        Shipper shipper = new Shipper(
                new Destination(config.url(), config.tokenFile().orElse(null), config.caFile().orElse(null)),
                config.events(), config.jitter(), spool, clock, log);
        Gpus gpus = new Gpus(gpuSources(config), clock, log);
        Sampler sampler = new Sampler(config, new Watch(config.cgroupRoot(), clock), gpus, shipper::add,
                shipper::eventsChanged, version(), clock, log);
        MetricsPage metrics = new MetricsPage(config.metricsPort(), sampler::counts, shipper::counts, spool::depth,
                gpus::latest, log);

        Thread sampling = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            sampler.close();
            metrics.close();
            join(sampling);
            gpus.close();
            shipper.close();
            spool.close();
            log.info("stopped");
        }, "stop"));
        log.info(
                "started version=" + version() + " url=" + config.url() + " interval_s=" + config.interval().toSeconds()
                        + " cluster=" + config.cluster(Optional::empty).orElse("?"));
        shipper.start();
        metrics.start();
        sampler.run();
    }

    private static void join(Thread sampling) {
        try {
            sampling.join(1000); // a cycle takes milliseconds
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String version() throws IOException {
        try (InputStream version = Agent.class.getResourceAsStream("/jobwitness-agent.version")) {
            return version == null ? "?" : new String(version.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    private static void help(PrintStream out) {
        out.println("""
                jobwitness-agent              samples the Slurm jobs of this node and reports to the jobwitness service
                jobwitness-agent check        shows what the agent can read on this node, and why not the rest
                jobwitness-agent release-gpus [MINUTES]
                                              makes the agent release the GPUs, for a reset, for 5 minutes
                jobwitness-agent take-gpus    makes it reacquire them before that
                jobwitness-agent --version

                Settings, in /etc/jobwitness/jobwitness.conf, in the environment, or as flags (--interval=15):
                """);
        for (AgentSetting setting : AgentSetting.values()) {
            out.printf("  %s, %s%n      %s%n      default: %s%n", setting, setting.flag(), setting.effect(),
                    setting.byDefault());
        }
    }
}
