package org.jobwitness.agent.config;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.agent.files.ScriptsSpool;
import org.jspecify.annotations.Nullable;

/**
 * The agent's settings, read and checked once at the start. A flag overrides the environment, which overrides the settings file.
 *
 * @param events the scripts' folder of unsent events
 * @param folder of the agent's own files
 * @param givenCluster the cluster's name as it is set
 * @param slurmConfCluster its name in slurm.conf, if that can be read
 * @param host the host's name
 * @param nodes Slurm's names of this host as they are set; if none is, it is the host's name, unless prologs show Slurm's
 * @param metricsPort 0 to serve no metrics
 */
public record AgentConfig(URI url, Optional<Path> tokenFile, Optional<Path> caFile, Path events, Duration interval,
        Path folder, long spoolBytes, Duration spoolAge, Optional<String> givenCluster,
        Optional<String> slurmConfCluster, String host, List<String> nodes, int metricsPort, boolean readsGpus,
        Path cgroupRoot, Path procRoot, Path sysRoot) {
    /** Maximum random delay of a batch, so that not all agents send at once. */
    private static final Duration MAX_JITTER = Duration.ofSeconds(5);
    private static final Pattern NODE = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?");
    private static final Pattern CLUSTER_NAME = Pattern
            .compile("(?i)ClusterName\\s*=\\s*\"?([a-z0-9._-]{1,64})\"?\\s*(?:#.*)?");
    private static final List<Path> SLURM_CONFS = List.of(Path.of("/etc/slurm/slurm.conf"),
            Path.of("/run/slurm/conf/slurm.conf"), Path.of("/etc/slurm-llnl/slurm.conf"));

    /** An invalid setting: its name, its value, and what is allowed. */
    public static final class InvalidSettingException extends Exception {
        private static final long serialVersionUID = 1L;

        InvalidSettingException(String message) {
            super(message);
        }
    }

    /**
     * Slurm's name of the cluster; empty if nobody says it.
     *
     * @param ofProlog in the last prolog event, which is newer than slurm.conf at the agent's start
     */
    public Optional<String> cluster(Supplier<Optional<String>> ofProlog) {
        return givenCluster.or(ofProlog).or(() -> slurmConfCluster);
    }

    /**
     * Reads and checks all settings.
     *
     * @param file with lines {@code NAME=value}, which need not exist
     */
    public static AgentConfig read(List<String> flags, Map<String, String> environment, Path file)
            throws InvalidSettingException {
        Map<AgentSetting, String> given = new EnumMap<>(AgentSetting.class);
        addKnown(given, lines(file));
        addKnown(given, environment);
        given.putAll(flags(flags));
        return new Values(given).config();
    }

    /** The maximum random delay of a batch. */
    public Duration jitter() {
        Duration third = interval.dividedBy(3);
        return third.compareTo(MAX_JITTER) < 0 ? third : MAX_JITTER;
    }

    /** Slurm's name of this node: the first that is set, else the host's up to its first dot. */
    public String node() {
        return nodes.isEmpty() ? host.split("\\.", 2)[0] : nodes.getFirst();
    }

    public boolean isNodeSet() {
        return !nodes.isEmpty();
    }

    /** Slurm's name of this node, as the last prolog kept it in the scripts' spool. */
    public Optional<String> nodeInSpool() {
        return new ScriptsSpool(events).node().filter(AgentConfig::isNode);
    }

    /** Whether a node of this name is on this host, by setting or the host's name. */
    public boolean isOfThisHost(String name) {
        return isNodeSet() ? nodes.contains(name) : name.equals(host) || name.equals(node());
    }

    /** Whether this may be the name of a node. */
    public static boolean isNode(String name) {
        return NODE.matcher(name).matches();
    }

    private static void addKnown(Map<AgentSetting, String> given, Map<String, String> from) {
        for (AgentSetting setting : AgentSetting.values()) {
            String value = from.get(setting.name());
            if (value != null && !value.isBlank()) {
                given.put(setting, value.strip());
            }
        }
    }

    /** Parsed as the scripts do: other lines are ignored, and comments may be in any encoding. */
    private static Map<String, String> lines(Path file) throws InvalidSettingException {
        if (!Files.exists(file)) {
            return Map.of();
        }
        Map<String, String> values = new HashMap<>();
        try {
            for (String line : new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList()) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    values.put(line.substring(0, equals).strip(), unquoted(line.substring(equals + 1).strip()));
                }
            }
            return values;
        } catch (IOException e) {
            throw new InvalidSettingException(file + " cannot be read: " + e);
        }
    }

    /** The cluster of a slurm.conf. Slurm's keywords are case-insensitive, and it writes its cluster in lower case. */
    static Optional<String> clusterIn(Path slurmConf) {
        try (var lines = Files.lines(slurmConf, StandardCharsets.ISO_8859_1)) {
            return lines.map(line -> CLUSTER_NAME.matcher(line.strip())).filter(Matcher::matches)
                    .map(name -> name.group(1).toLowerCase(Locale.ROOT)).findFirst();
        } catch (IOException | UncheckedIOException e) {
            return Optional.empty(); // missing, or not readable
        }
    }

    private static String unquoted(String value) {
        boolean quoted = value.length() > 1 && (value.startsWith("\"") || value.startsWith("'"))
                && value.charAt(value.length() - 1) == value.charAt(0);
        return quoted ? value.substring(1, value.length() - 1) : value;
    }

    private static Map<AgentSetting, String> flags(List<String> flags) throws InvalidSettingException {
        Map<AgentSetting, String> values = new EnumMap<>(AgentSetting.class);
        for (int i = 0; i < flags.size(); i++) {
            String[] parts = flags.get(i).split("=", 2);
            AgentSetting setting = Arrays.stream(AgentSetting.values()).filter(s -> s.flag().equals(parts[0]))
                    .findFirst()
                    .orElseThrow(() -> new InvalidSettingException(parts[0] + " is not a flag; --help lists them"));
            if (parts.length == 1 && i + 1 == flags.size()) {
                throw new InvalidSettingException(parts[0] + " needs a value");
            }
            values.put(setting, parts.length == 2 ? parts[1] : flags.get(++i));
        }
        return values;
    }

    private record Values(Map<AgentSetting, String> given) {

        AgentConfig config() throws InvalidSettingException {
            Path proc = path(AgentSetting.JOBWITNESS_PROC_ROOT);
            return new AgentConfig(url(), file(AgentSetting.OBSERVABILITY_TOKEN_FILE),
                    file(AgentSetting.JOBWITNESS_CA_FILE),
                    path(AgentSetting.JOBWITNESS_SPOOL_DIR).resolve("events"),
                    Duration.ofSeconds(number(AgentSetting.JOBWITNESS_INTERVAL, 1, 300)),
                    path(AgentSetting.JOBWITNESS_AGENT_DIR),
                    number(AgentSetting.JOBWITNESS_AGENT_SPOOL_MB, 1, 100_000) * 1024L * 1024L,
                    Duration.ofDays(number(AgentSetting.JOBWITNESS_AGENT_SPOOL_DAYS, 1, 365)), cluster(),
                    clusterOfSlurm(),
                    host(proc), nodes(),
                    given.containsKey(AgentSetting.JOBWITNESS_AGENT_METRICS)
                            ? number(AgentSetting.JOBWITNESS_AGENT_METRICS, 1, 65_535)
                            : 0,
                    readsGpus(), path(AgentSetting.JOBWITNESS_CGROUP_ROOT), proc,
                    path(AgentSetting.JOBWITNESS_SYS_ROOT));
        }

        private URI url() throws InvalidSettingException {
            String text = text(AgentSetting.OBSERVABILITY_API_URL).replaceFirst("/$", "");
            String allowed = "an address such as https://jobwitness.example.org, without user, query or fragment";
            try {
                URI url = new URI(text);
                boolean isHttp = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
                if (isHttp && url.getHost() != null && url.getUserInfo() == null && url.getQuery() == null
                        && url.getFragment() == null) {
                    return url;
                }
            } catch (URISyntaxException e) {
                throw invalid(AgentSetting.OBSERVABILITY_API_URL, text, allowed);
            }
            throw invalid(AgentSetting.OBSERVABILITY_API_URL, text, allowed);
        }

        private boolean readsGpus() throws InvalidSettingException {
            String text = text(AgentSetting.JOBWITNESS_GPUS);
            return switch (text) {
                case "auto" -> true;
                case "off" -> false;
                default -> throw invalid(AgentSetting.JOBWITNESS_GPUS, text, "auto or off");
            };
        }

        private Optional<String> cluster() throws InvalidSettingException {
            String name = given.get(AgentSetting.JOBWITNESS_CLUSTER);
            if (name != null && !name.matches("[A-Za-z0-9._-]{1,64}")) {
                throw invalid(AgentSetting.JOBWITNESS_CLUSTER, name, "1 to 64 letters, digits or . _ -");
            }
            return Optional.ofNullable(name);
        }

        private static Optional<String> clusterOfSlurm() {
            return SLURM_CONFS.stream().flatMap(conf -> clusterIn(conf).stream()).findFirst();
        }

        private String host(Path proc) throws InvalidSettingException {
            try {
                String name = Files.readString(proc.resolve("sys/kernel/hostname")).strip();
                if (isNode(name) || given.containsKey(AgentSetting.JOBWITNESS_NODE)) {
                    return name;
                }
                throw new InvalidSettingException("JOBWITNESS_NODE is not set, and the host's name, " + name
                        + ", cannot be that of a node");
            } catch (IOException e) {
                if (given.containsKey(AgentSetting.JOBWITNESS_NODE)) {
                    return "";
                }
                throw new InvalidSettingException(
                        "JOBWITNESS_NODE is not set, and the host's name cannot be read: " + e);
            }
        }

        private List<String> nodes() throws InvalidSettingException {
            String text = given.get(AgentSetting.JOBWITNESS_NODE);
            if (text == null) {
                return List.of();
            }
            List<String> names = Arrays.stream(text.split(",", -1)).map(String::strip).toList();
            if (!names.stream().allMatch(AgentConfig::isNode)) {
                throw invalid(AgentSetting.JOBWITNESS_NODE, text,
                        "letters, digits or . _ -, or several such names, separated by commas");
            }
            return names;
        }

        private Optional<Path> file(AgentSetting setting) throws InvalidSettingException {
            return given.containsKey(setting) ? Optional.of(path(setting)) : Optional.empty();
        }

        private Path path(AgentSetting setting) throws InvalidSettingException {
            String text = text(setting);
            try {
                Path path = Path.of(text);
                if (path.isAbsolute()) {
                    return path.normalize();
                }
            } catch (InvalidPathException e) {
                throw invalid(setting, text, "an absolute path");
            }
            throw invalid(setting, text, "an absolute path");
        }

        private int number(AgentSetting setting, int min, int max) throws InvalidSettingException {
            String text = text(setting);
            if (text.matches("[0-9]{1,9}") && Integer.parseInt(text) >= min && Integer.parseInt(text) <= max) {
                return Integer.parseInt(text);
            }
            throw invalid(setting, text, "a whole number from " + min + " to " + max);
        }

        private String text(AgentSetting setting) {
            return given.getOrDefault(setting, setting.byDefault());
        }

        private static InvalidSettingException invalid(AgentSetting setting, @Nullable String value, String allowed) {
            return new InvalidSettingException(setting + " is " + value + ", but must be " + allowed);
        }
    }
}
