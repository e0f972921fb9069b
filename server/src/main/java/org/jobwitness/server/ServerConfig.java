package org.jobwitness.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.verdict.Thresholds;
import org.jspecify.annotations.Nullable;

/**
 * The server's settings, read once and checked before anything starts. A flag wins over the environment, and that over
 * the {@code .env} file.
 *
 * @param database the PostgreSQL to use; empty for the embedded one
 * @param auth whether requests need a token
 * @param seedDemo whether the simulated cluster is to be told; ignored unless the scheduler is {@code MOCK}
 * @param thresholds of verdicts
 */
record ServerConfig(Path dataDir, String host, int port, Optional<DatabaseAddress> database, int databaseConnections,
        boolean auth, String defaultCluster, int maxConnections, Duration requestDeadline, Duration metricsRetention,
        Duration jobRetention, Duration auditRetention, SchedulerBackend schedulerBackend, boolean seedDemo,
        Thresholds thresholds) {

    /** Which scheduler is asked about jobs. */
    enum SchedulerBackend {
        /** None; whoever wants to may play one. */
        MOCK,
        SLURM
    }

    /** A setting that cannot be used: which, what was read, what is allowed. */
    static final class BadSetting extends Exception {
        private static final long serialVersionUID = 1L;

        BadSetting(String message) {
            super(message);
        }
    }

    /**
     * Reads the settings.
     *
     * @param dotEnv the {@code .env} file; need not exist
     */
    static ServerConfig read(List<String> flags, Map<String, String> environment, Path dotEnv) throws BadSetting {
        Map<Setting, String> given = new EnumMap<>(Setting.class);
        pick(given, file(dotEnv));
        pick(given, environment);
        given.putAll(flags(flags));
        return new Values(given, environment).config();
    }

    private static void pick(Map<Setting, String> given, Map<String, String> from) {
        for (Setting setting : Setting.values()) {
            String value = from.get(setting.name());
            if (value != null && !value.isBlank()) {
                given.put(setting, value.strip());
            }
        }
    }

    private static Map<String, String> file(Path dotEnv) throws BadSetting {
        Map<String, String> values = new HashMap<>();
        if (!Files.exists(dotEnv)) {
            return values;
        }
        try {
            int number = 0;
            for (String raw : Files.readAllLines(dotEnv)) {
                number++;
                String line = raw.strip();
                if (line.isEmpty() || line.startsWith("#")) {
                    continue;
                }
                int equals = line.indexOf('=');
                if (equals < 1) {
                    throw new BadSetting(dotEnv + " line " + number + ": must be NAME=value");
                }
                String value = line.substring(equals + 1).strip();
                boolean quoted = value.length() > 1 && (value.startsWith("\"") || value.startsWith("'"))
                        && value.charAt(value.length() - 1) == value.charAt(0);
                values.put(line.substring(0, equals).strip(), quoted ? value.substring(1, value.length() - 1) : value);
            }
            return values;
        } catch (IOException e) {
            throw new BadSetting(dotEnv + " cannot be read: " + e);
        }
    }

    private static Map<Setting, String> flags(List<String> flags) throws BadSetting {
        Map<Setting, String> values = new EnumMap<>(Setting.class);
        for (int i = 0; i < flags.size(); i++) {
            if (!flags.get(i).startsWith("--")) {
                // Not shown: it may be a DATABASE_URL with its password.
                throw new BadSetting("argument " + (i + 1) + " is not a flag; --help lists them");
            }
            String[] parts = flags.get(i).split("=", 2);
            Setting setting = Arrays.stream(Setting.values()).filter(s -> s.flag().equals(parts[0])).findFirst()
                    .orElseThrow(() -> new BadSetting(parts[0] + " is not a flag; --help lists them"));
            if (parts.length == 1 && i + 1 == flags.size()) {
                throw new BadSetting(parts[0] + " needs a value");
            }
            values.put(setting, parts.length == 2 ? parts[1] : flags.get(++i));
        }
        return values;
    }

    /** Turns texts into values. */
    private record Values(Map<Setting, String> given, Map<String, String> environment) {

        ServerConfig config() throws BadSetting {
            String host = given.getOrDefault(Setting.HOST, Setting.HOST.byDefault());
            boolean loopback = address(host).isLoopbackAddress();
            boolean auth = choice(Setting.AUTH, "on", "off").equals("on");
            if (!auth && !loopback) {
                throw bad(Setting.AUTH, "off",
                        "on, unless HOST is a loopback address such as 127.0.0.1; HOST is " + host);
            }
            Duration metricsRetention = days(Setting.METRICS_RETENTION_DAYS, Duration.ofDays(1), "", 3650);
            Duration jobRetention = days(Setting.JOB_RETENTION_DAYS, metricsRetention, " (METRICS_RETENTION_DAYS)",
                    36_500);
            Duration auditRetention = days(Setting.AUDIT_RETENTION_DAYS, jobRetention, " (JOB_RETENTION_DAYS)", 36_500);
            return new ServerConfig(dataDir(), host, number(Setting.PORT, 0, 65_535), database(),
                    number(Setting.DATABASE_CONNECTIONS, 2, 200), auth, cluster(),
                    number(Setting.MAX_CONNECTIONS, 10, 1_000_000),
                    Duration.ofSeconds(number(Setting.REQUEST_DEADLINE_SECONDS, 1, 600)), metricsRetention,
                    jobRetention, auditRetention,
                    choice(Setting.SCHEDULER_BACKEND, "mock", "slurm").equals("slurm")
                            ? SchedulerBackend.SLURM
                            : SchedulerBackend.MOCK,
                    choice(Setting.SEED_DEMO, "true", "false").equals("true"), thresholds());
        }

        private Thresholds thresholds() throws BadSetting {
            return new Thresholds(number(Setting.VERDICT_MIN_SAMPLES, 1, 10_000),
                    number(Setting.VERDICT_USED_PERCENT, 0, 100),
                    Duration.ofMinutes(number(Setting.VERDICT_GPU_IDLE_MINUTES, 1, 100_000)),
                    number(Setting.VERDICT_GPU_LOW_PERCENT, 0, 100),
                    number(Setting.VERDICT_IMBALANCE_PERCENT, 0, 100),
                    number(Setting.VERDICT_MEMORY_NEAR_PERCENT, 50, 100),
                    number(Setting.VERDICT_STALL_PERCENT, 1, 100),
                    number(Setting.VERDICT_COVERAGE_PERCENT, 0, 100),
                    number(Setting.VERDICT_SHORT_JOBS, 2, 2000), number(Setting.VERDICT_MARGIN_PERCENT, 0, 1000));
        }

        private Path dataDir() throws BadSetting {
            String given = given().get(Setting.JOBWITNESS_DATA_DIR);
            try {
                if (given != null) {
                    return Path.of(given).toAbsolutePath().normalize();
                }
                String xdg = environment.get("XDG_DATA_HOME");
                Path base = xdg != null && xdg.startsWith("/")
                        ? Path.of(xdg)
                        : Path.of(environment.getOrDefault("HOME", System.getProperty("user.home")), ".local", "share");
                return base.resolve("jobwitness").toAbsolutePath().normalize();
            } catch (InvalidPathException e) {
                throw bad(Setting.JOBWITNESS_DATA_DIR, String.valueOf(given), "a folder's path");
            }
        }

        private Optional<DatabaseAddress> database() throws BadSetting {
            String url = given.get(Setting.DATABASE_URL);
            try {
                return Optional.ofNullable(url).map(DatabaseAddress::parse);
            } catch (IllegalArgumentException e) {
                // The value is not shown: it may hold a password.
                throw new BadSetting("DATABASE_URL " + e.getMessage());
            }
        }

        private String cluster() throws BadSetting {
            String name = given.getOrDefault(Setting.DEFAULT_CLUSTER, Setting.DEFAULT_CLUSTER.byDefault());
            if (!name.matches("[A-Za-z0-9._-]{1,64}")) {
                throw bad(Setting.DEFAULT_CLUSTER, name, "1 to 64 letters, digits or . _ -");
            }
            return name;
        }

        private Duration days(Setting setting, Duration least, String why, int most) throws BadSetting {
            return Duration.ofDays(number(setting, Math.toIntExact(least.toDays()), why, most));
        }

        private int number(Setting setting, int least, int most) throws BadSetting {
            return number(setting, least, "", most);
        }

        /** @param why what sets the least value, if it is another setting */
        private int number(Setting setting, int least, String why, int most) throws BadSetting {
            String text = given.getOrDefault(setting, setting.byDefault());
            if (text.matches("[0-9]{1,9}") && Integer.parseInt(text) >= least && Integer.parseInt(text) <= most) {
                return Integer.parseInt(text);
            }
            throw bad(setting, text, "a whole number from " + least + why + " to " + most);
        }

        private String choice(Setting setting, String... allowed) throws BadSetting {
            String text = given.getOrDefault(setting, setting.byDefault());
            if (List.of(allowed).contains(text)) {
                return text;
            }
            throw bad(setting, text, String.join(" or ", allowed));
        }

        private static BadSetting bad(Setting setting, @Nullable String read, String allowed) {
            return new BadSetting(setting + " is \"" + read + "\"; allowed: " + allowed);
        }

        private static InetAddress address(String host) throws BadSetting {
            try {
                return InetAddress.getByName(host);
            } catch (UnknownHostException e) {
                throw bad(Setting.HOST, host,
                        "an address of this machine, or its name: 0.0.0.0 for all, 127.0.0.1 for this machine only");
            }
        }
    }
}
