package org.jobwitness.server;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.jobwitness.server.access.AddressRange;
import org.jobwitness.server.access.OidcSettings;
import org.jobwitness.server.access.SlurmTokenSettings;
import org.jobwitness.server.access.TrustedProxy;
import org.jobwitness.server.db.DatabaseAddress;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.notice.NoticeSettings;
import org.jobwitness.server.scheduler.AuthToken;
import org.jobwitness.server.scheduler.Reconciliation;
import org.jobwitness.server.scheduler.SlurmAddress;
import org.jobwitness.server.verdict.SiteNotes;
import org.jobwitness.server.verdict.Thresholds;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.TrustedCas;
import org.jspecify.annotations.Nullable;

/**
 * The server's settings, read once and checked before anything starts. A flag overrides the environment, and that overrides
 * the {@code .env} file.
 *
 * @param tls the server's certificate; empty for plain HTTP
 * @param isKeptLocal whether only this machine may connect, whatever HOST is, because there is no certificate
 * @param database the PostgreSQL to use; empty for the embedded one
 * @param auth whether requests need a token
 * @param operators, helpdesk users, and groups behind {@code @}
 * @param publicUrl at which people's browsers reach the server
 * @param mungeSocket of munged, which need not be there
 * @param proxy that signs people in
 * @param oidc the OpenID provider by which people sign in
 * @param clusters whose reports are taken; empty for any
 * @param maxSeries of jobs and nodes in one scrape
 * @param schedulerChosen whether anybody has decided that Slurm is queried, or not
 * @param slurm how Slurm is queried; empty if there is no scheduler
 * @param slurmTokens by which users sign in
 * @param seedDemo whether to simulate a cluster; ignored where Slurm is queried
 * @param thresholds of verdicts
 * @param siteNote the site's own words, shown with the advice of verdicts
 * @param siteNotes the file with more of them, each with a condition
 * @param grafana the address of Grafana, for links, without a slash at its end
 * @param frameAncestors origins whose pages may embed ours; empty for none
 * @param notices who is told of running jobs
 */
record ServerConfig(Path dataDir, String host, int port, Optional<TlsFiles> tls, boolean isKeptLocal,
        Optional<DatabaseAddress> database, int databaseConnections,
        boolean auth, List<String> operators, List<String> helpdesk, PublicUrl publicUrl, Path mungeSocket,
        Optional<TrustedProxy> proxy, Optional<OidcSettings> oidc, String defaultCluster,
        Set<String> clusters, int maxNodes, int maxSeries, int maxConnections,
        Duration requestDeadline, Duration metricsRetention,
        Duration jobRetention, Duration auditRetention, boolean schedulerChosen,
        Optional<Reconciliation.Settings> slurm, SlurmTokenSettings slurmTokens,
        boolean seedDemo, Thresholds thresholds, Optional<String> siteNote, Optional<Path> siteNotes,
        Optional<String> grafana, List<String> frameAncestors, NoticeSettings notices) {
    private static final Pattern ORIGIN = Pattern
            .compile("https?://(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?");
    private static final Pattern PEOPLE = Pattern.compile("@?[^\\s:,@-][^\\s:,]{0,255}");
    private static final Set<String> RESERVED_HEADERS = Set.of("authorization", "cookie", "host", "origin",
            TrustedProxy.SECRET_HEADER.toLowerCase(Locale.ROOT));
    private static final int MAX_SITE_NOTE = 500;
    private static final Pattern SMTP = Pattern.compile("(?<scheme>smtps?)://((?<user>[A-Za-z0-9._%+-]{1,128})@)?"
            + "(?<host>[A-Za-z0-9.-]{1,255})(:(?<port>[0-9]{1,5}))?/?");
    private static final Pattern WEBHOOK = Pattern.compile(
            "(https://[A-Za-z0-9.-]{1,255}|http://(127\\.0\\.0\\.1|localhost))(:[0-9]{1,5})?(/[A-Za-z0-9._~/?=&%+-]{0,1000})?");
    private static final Pattern CLUSTER = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** What a client may make a connection hold at most, with a margin: 14 KB of headers, 24 KB for a body. */
    private static final long HEAP_PER_CONNECTION = 48 << 10;
    /** What the server itself needs when it does little. */
    private static final long HEAP_OF_SERVER = 32L << 20;
    private static final long DEFAULT_MAX_CONNECTIONS = 20_000;

    /** PEM files. */
    record TlsFiles(Path certificates, Path key) {
    }

    private static final String LOOPBACK = "127.0.0.1";

    /** An invalid setting: its name, its value, and what is allowed. */
    static final class BadSetting extends Exception {
        private static final long serialVersionUID = 1L;

        BadSetting(String message) {
            super(message);
        }
    }

    /** @param dotEnv the {@code .env} file; need not exist */
    static ServerConfig read(List<String> flags, Map<String, String> environment, Path dotEnv) throws BadSetting {
        Map<Setting, String> given = new EnumMap<>(Setting.class);
        pick(given, file(dotEnv));
        pick(given, environment);
        given.putAll(flags(flags));
        return new Values(given, environment).config();
    }

    /** Of the open files an eighth is left: without one, neither a class is loaded nor a connection to the database made. */
    static int defaultMaxConnections(long heapBytes, long maxOpenFiles) {
        return (int) Math.min(
                Math.min(Math.max(64, (heapBytes - HEAP_OF_SERVER) / HEAP_PER_CONNECTION), DEFAULT_MAX_CONNECTIONS),
                maxOpenFiles - maxOpenFiles / 8);
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
            for (String raw : new String(Files.readAllBytes(dotEnv), StandardCharsets.UTF_8).lines().toList()) {
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

    /** Parses texts into values. */
    private record Values(Map<Setting, String> given, Map<String, String> environment) {

        ServerConfig config() throws BadSetting {
            Optional<TlsFiles> tls = tls();
            boolean isKeptLocal = tls.isEmpty() && choice(Setting.PLAIN_HTTP, "on", "loopback").equals("loopback");
            String host = isKeptLocal ? LOOPBACK : given.getOrDefault(Setting.HOST, Setting.HOST.byDefault());
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
            boolean seedDemo = choice(Setting.SEED_DEMO, "true", "false").equals("true");
            return new ServerConfig(dataDir(), host, number(Setting.PORT, 0, 65_535), tls, isKeptLocal, database(),
                    number(Setting.DATABASE_CONNECTIONS, 2, 200), auth,
                    people(Setting.OPERATORS, Setting.OPERATORS.byDefault()), people(Setting.HELPDESK, ""),
                    new PublicUrl(address(Setting.PUBLIC_URL)),
                    path(Setting.MUNGE_SOCKET,
                            given.getOrDefault(Setting.MUNGE_SOCKET, Setting.MUNGE_SOCKET.byDefault())),
                    proxy(), oidc(), cluster(), clusters(), number(Setting.MAX_NODES, 1, 1_000_000),
                    number(Setting.METRICS_MAX_SERIES, 1000, 100_000_000), maxConnections(),
                    Duration.ofSeconds(number(Setting.REQUEST_DEADLINE_SECONDS, 1, 600)), metricsRetention,
                    jobRetention, auditRetention,
                    seedDemo || given.containsKey(Setting.SCHEDULER_BACKEND),
                    choice(Setting.SCHEDULER_BACKEND, "none", "mock", "slurm").equals("slurm")
                            ? Optional.of(slurm())
                            : Optional.empty(),
                    slurmTokens(), seedDemo, thresholds(), siteNote(), siteNotes(), address(Setting.GRAFANA_URL),
                    frameAncestors(), notices());
        }

        /** Of a web server, without a slash at its end. */
        private Optional<String> address(Setting setting) throws BadSetting {
            String url = given.get(setting);
            if (url != null && !url.matches("https?://[A-Za-z0-9._~:\\[\\]-]{1,255}(/[A-Za-z0-9._~/-]{0,255})?")) {
                throw bad(setting, url,
                        "an address such as https://grafana.example.org or https://example.org/grafana");
            }
            return Optional.ofNullable(url).map(text -> text.replaceAll("/+$", ""));
        }

        private List<String> frameAncestors() throws BadSetting {
            List<String> origins = Arrays.stream(given.getOrDefault(Setting.FRAME_ANCESTORS, "").split(","))
                    .map(String::strip).filter(origin -> !origin.isEmpty()).toList();
            for (String origin : origins) {
                if (!ORIGIN.matcher(origin).matches()) {
                    throw bad(Setting.FRAME_ANCESTORS, origin,
                            "origins such as https://ondemand.example.org, with commas between, without a path");
                }
            }
            return origins;
        }

        private List<String> people(Setting setting, String byDefault) throws BadSetting {
            List<String> people = Arrays.stream(given.getOrDefault(setting, byDefault).split(","))
                    .map(String::strip).filter(name -> !name.isEmpty()).toList();
            for (String name : people) {
                if (!PEOPLE.matcher(name).matches()) {
                    throw bad(setting, name, "names of users, and of groups with @ before them, with commas between");
                }
            }
            return people;
        }

        private Optional<TrustedProxy> proxy() throws BadSetting {
            List<Setting> settings = List.of(Setting.PROXY_USER_HEADER, Setting.PROXY_SECRET_FILE,
                    Setting.PROXY_ADDRESSES);
            if (settings.stream().noneMatch(given::containsKey)) {
                return Optional.empty();
            }
            for (Setting setting : settings) {
                if (!given.containsKey(setting)) {
                    throw bad(setting, "", "all of PROXY_USER_HEADER, PROXY_SECRET_FILE and PROXY_ADDRESSES, or none");
                }
            }
            String header = given.getOrDefault(Setting.PROXY_USER_HEADER, "");
            if (!header.matches("[A-Za-z][A-Za-z0-9-]{1,63}")
                    || RESERVED_HEADERS.contains(header.toLowerCase(Locale.ROOT))) {
                throw bad(Setting.PROXY_USER_HEADER, header, "a header of its own, such as X-Remote-User");
            }
            String addresses = given.getOrDefault(Setting.PROXY_ADDRESSES, "");
            try {
                return Optional.of(new TrustedProxy(header,
                        path(Setting.PROXY_SECRET_FILE, given.getOrDefault(Setting.PROXY_SECRET_FILE, "")),
                        Arrays.stream(addresses.split(",", -1)).map(String::strip).map(AddressRange::parse).toList()));
            } catch (IllegalArgumentException e) {
                throw bad(Setting.PROXY_ADDRESSES, addresses,
                        "addresses such as 10.1.0.7 or 10.1.0.0/24, with commas between");
            }
        }

        private NoticeSettings notices() throws BadSetting {
            Set<FindingRule> rules = EnumSet.noneOf(FindingRule.class);
            String names = given.getOrDefault(Setting.NOTICE_RULES, Setting.NOTICE_RULES.byDefault());
            for (String name : names.split(",", -1)) {
                rules.add(Arrays.stream(FindingRule.values()).filter(rule -> rule.toString().equals(name.strip()))
                        .findFirst().orElseThrow(() -> bad(Setting.NOTICE_RULES, names,
                                "rules such as gpu_idle, with commas between: docs/verdicts.md")));
            }
            return new NoticeSettings(mail(), webhook(), rules,
                    Duration.ofHours(number(Setting.NOTICE_COOLDOWN_HOURS, 1, 720)),
                    Duration.ofMinutes(number(Setting.NOTICE_DIGEST_MINUTES, 1, 1440)));
        }

        private Optional<NoticeSettings.Mail> mail() throws BadSetting {
            boolean isByCommand = given.containsKey(Setting.NOTICE_SENDMAIL);
            if (isByCommand && given.containsKey(Setting.NOTICE_SMTP_URL)) {
                throw new BadSetting("NOTICE_SENDMAIL and NOTICE_SMTP_URL are both set; one of them is enough");
            }
            Setting route = isByCommand ? Setting.NOTICE_SENDMAIL : Setting.NOTICE_SMTP_URL;
            if (!all(route, Setting.NOTICE_FROM, Setting.NOTICE_TO)) {
                return Optional.empty();
            }
            String from = given.getOrDefault(Setting.NOTICE_FROM, "");
            String to = given.getOrDefault(Setting.NOTICE_TO, "");
            if (from.contains("{") || !NoticeSettings.isAddress(from)) {
                throw bad(Setting.NOTICE_FROM, from, "an address such as jobs@example.org");
            }
            if (!to.contains("{user}") || !NoticeSettings.isAddress(to)) {
                throw bad(Setting.NOTICE_TO, to, "an address with {user} in it, such as {user}@example.org");
            }
            return Optional.of(new NoticeSettings.Mail(isByCommand ? sendmail() : smtp(), from, to));
        }

        private NoticeSettings.Command sendmail() throws BadSetting {
            Path sendmail = path(Setting.NOTICE_SENDMAIL, given.getOrDefault(Setting.NOTICE_SENDMAIL, ""));
            if (!sendmail.isAbsolute() || !Files.isExecutable(sendmail)) {
                throw bad(Setting.NOTICE_SENDMAIL, sendmail.toString(), "the absolute path of a command");
            }
            return new NoticeSettings.Command(sendmail);
        }

        private NoticeSettings.Smtp smtp() throws BadSetting {
            String url = given.getOrDefault(Setting.NOTICE_SMTP_URL, "");
            Matcher parts = SMTP.matcher(url);
            if (!parts.matches()) {
                throw bad(Setting.NOTICE_SMTP_URL, url,
                        "such as smtp://localhost, smtps://mail.example.org or smtp://user@mail.example.org:587");
            }
            boolean isTls = parts.group("scheme").equals("smtps");
            Optional<NoticeSettings.Login> login = smtpLogin(Optional.ofNullable(parts.group("user")));
            int usual = isTls ? 465 : login.isPresent() ? 587 : 25;
            int port = Optional.ofNullable(parts.group("port")).map(Integer::parseInt).orElse(usual);
            if (port < 1 || port > 65_535) {
                throw bad(Setting.NOTICE_SMTP_URL, url, "with a port from 1 to 65535");
            }
            return new NoticeSettings.Smtp(parts.group("host"), port, isTls, login,
                    trusted(Setting.NOTICE_SMTP_CA_FILE));
        }

        private Optional<NoticeSettings.Login> smtpLogin(Optional<String> user) throws BadSetting {
            if (user.isPresent() != given.containsKey(Setting.NOTICE_SMTP_PASSWORD_FILE)) {
                throw bad(Setting.NOTICE_SMTP_PASSWORD_FILE, given.getOrDefault(Setting.NOTICE_SMTP_PASSWORD_FILE, ""),
                        "a file with the password if NOTICE_SMTP_URL has a user, and only then");
            }
            return user.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new NoticeSettings.Login(user.get(), path(Setting.NOTICE_SMTP_PASSWORD_FILE,
                            given.getOrDefault(Setting.NOTICE_SMTP_PASSWORD_FILE, ""))));
        }

        private Optional<NoticeSettings.Webhook> webhook() throws BadSetting {
            if (!all(Setting.NOTICE_WEBHOOK_URL, Setting.NOTICE_WEBHOOK_SECRET_FILE)) {
                return Optional.empty();
            }
            String url = given.getOrDefault(Setting.NOTICE_WEBHOOK_URL, "");
            if (!WEBHOOK.matcher(url).matches()) {
                // Not shown: its path may be a secret.
                throw new BadSetting(Setting.NOTICE_WEBHOOK_URL
                        + " must be such as https://example.org/hook, without a user; http only to 127.0.0.1");
            }
            return Optional.of(new NoticeSettings.Webhook(URI.create(url), path(Setting.NOTICE_WEBHOOK_SECRET_FILE,
                    given.getOrDefault(Setting.NOTICE_WEBHOOK_SECRET_FILE, ""))));
        }

        /** Whether all are set, rather than none. */
        private boolean all(Setting... together) throws BadSetting {
            List<Setting> settings = List.of(together);
            if (settings.stream().noneMatch(given::containsKey)) {
                return false;
            }
            for (Setting setting : settings) {
                if (!given.containsKey(setting)) {
                    throw bad(setting, "", "all of " + settings.stream().map(Setting::name)
                            .collect(Collectors.joining(", ")) + ", or none");
                }
            }
            return true;
        }

        private Optional<OidcSettings> oidc() throws BadSetting {
            List<Setting> needed = List.of(Setting.OIDC_ISSUER, Setting.OIDC_CLIENT_ID,
                    Setting.OIDC_CLIENT_SECRET_FILE, Setting.PUBLIC_URL);
            if (needed.subList(0, 3).stream().noneMatch(given::containsKey)) {
                return Optional.empty();
            }
            for (Setting setting : needed) {
                if (!given.containsKey(setting)) {
                    throw bad(setting, "", "all of OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET_FILE and PUBLIC_URL,"
                            + " or none of the first three");
                }
            }
            List<String> scopes = List.of(text(Setting.OIDC_SCOPES).split(" +"));
            if (!scopes.contains("openid") || !scopes.stream().allMatch(scope -> scope.matches("[!#-\\[\\]-~]+"))) {
                throw bad(Setting.OIDC_SCOPES, text(Setting.OIDC_SCOPES), "scopes with blanks between; openid is one");
            }
            return Optional.of(new OidcSettings(issuer(), text(Setting.OIDC_CLIENT_ID),
                    path(Setting.OIDC_CLIENT_SECRET_FILE, text(Setting.OIDC_CLIENT_SECRET_FILE)),
                    trusted(Setting.OIDC_CA_FILE), scopes, text(Setting.OIDC_USER_CLAIM), userPattern(),
                    Optional.ofNullable(given.get(Setting.OIDC_GROUPS_CLAIM)),
                    URI.create(address(Setting.PUBLIC_URL).orElseThrow() + "/sign-in/oidc/callback")));
        }

        private URI issuer() throws BadSetting {
            String text = text(Setting.OIDC_ISSUER);
            if (!text.matches("(https://[^/?#@]+|http://(localhost|127\\.0\\.0\\.1)(:[0-9]+)?)(/[^?#]*)?")) {
                throw bad(Setting.OIDC_ISSUER, text, "an address with https, as the provider itself writes it");
            }
            try {
                return new URI(text);
            } catch (URISyntaxException e) {
                throw bad(Setting.OIDC_ISSUER, text, "an address: " + e.getReason());
            }
        }

        private Pattern userPattern() throws BadSetting {
            try {
                return Pattern.compile(text(Setting.OIDC_USER_PATTERN));
            } catch (PatternSyntaxException e) {
                throw bad(Setting.OIDC_USER_PATTERN, text(Setting.OIDC_USER_PATTERN),
                        "a regular expression of Java: " + e.getDescription());
            }
        }

        private Optional<TrustedCas> trusted(Setting setting) throws BadSetting {
            String file = given.get(setting);
            try {
                return file == null ? Optional.empty() : Optional.of(TrustedCas.read(path(setting, file)));
            } catch (IOException e) {
                throw bad(setting, file, "a PEM file of certificates that the server can read");
            }
        }

        private String text(Setting setting) {
            return given.getOrDefault(setting, setting.byDefault());
        }

        private int maxConnections() throws BadSetting {
            if (given.containsKey(Setting.MAX_CONNECTIONS)) {
                return number(Setting.MAX_CONNECTIONS, 10, 1_000_000);
            }
            return defaultMaxConnections(Runtime.getRuntime().maxMemory(), maxOpenFiles());
        }

        private static long maxOpenFiles() {
            return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system
                    ? system.getMaxFileDescriptorCount()
                    : Long.MAX_VALUE;
        }

        private Optional<TlsFiles> tls() throws BadSetting {
            String certificates = given.get(Setting.TLS_CERT_FILE);
            String key = given.get(Setting.TLS_KEY_FILE);
            if ((certificates == null) != (key == null)) {
                throw bad(certificates == null ? Setting.TLS_CERT_FILE : Setting.TLS_KEY_FILE, "",
                        "a PEM file, since the other of TLS_CERT_FILE and TLS_KEY_FILE is set");
            }
            return certificates == null || key == null
                    ? Optional.empty()
                    : Optional.of(new TlsFiles(path(Setting.TLS_CERT_FILE, certificates),
                            path(Setting.TLS_KEY_FILE, key)));
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

        private Optional<String> siteNote() throws BadSetting {
            String note = given.get(Setting.SITE_NOTE);
            if (note == null) {
                return Optional.empty();
            }
            if (note.length() > MAX_SITE_NOTE || !note.codePoints().allMatch(SiteNotes::isPlain)) {
                throw bad(Setting.SITE_NOTE, note.replaceAll("\\p{C}", "?"), "one line of at most " + MAX_SITE_NOTE
                        + " characters, without control characters, < and >");
            }
            return Optional.of(note);
        }

        private Optional<Path> siteNotes() throws BadSetting {
            String name = given.get(Setting.SITE_NOTES_FILE);
            if (name == null) {
                return Optional.empty();
            }
            Path file = path(Setting.SITE_NOTES_FILE, name);
            try {
                SiteNotes.of(Optional.empty(), Optional.of(file), Clock.systemUTC());
                return Optional.of(file);
            } catch (SiteNotes.InvalidNotes e) {
                throw new BadSetting(Setting.SITE_NOTES_FILE + ": " + e.getMessage());
            }
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

        private Reconciliation.Settings slurm() throws BadSetting {
            String url = given.get(Setting.SLURM_BASE_URL);
            String commands = given.get(Setting.SLURM_COMMANDS);
            if ((url == null) == (commands == null)) {
                throw bad(Setting.SCHEDULER_BACKEND, "slurm",
                        "slurm with either SLURM_BASE_URL or SLURM_COMMANDS, of which "
                                + (url == null ? "neither is" : "both are") + " set; or none");
            }
            String version = given.get(Setting.SLURM_API_VERSION);
            if (version != null && !version.matches("v0\\.0\\.(39|4[0-5])")) {
                throw bad(Setting.SLURM_API_VERSION, version, "v0.0.39 to v0.0.45");
            }
            Reconciliation.Access access = url == null
                    ? new Reconciliation.Commands(folderOfCommands(Objects.requireNonNull(commands)),
                            Optional.ofNullable(environment.get("SLURM_CONF")))
                    : new Reconciliation.Rest(slurmAddress(url), slurmToken(), slurmUser());
            return new Reconciliation.Settings(access,
                    Optional.ofNullable(version).map(text -> Integer.valueOf(text.substring("v0.0.".length()))),
                    Duration.ofSeconds(number(Setting.SLURM_INTERVAL_SECONDS, 5, 3600)));
        }

        private SlurmTokenSettings slurmTokens() throws BadSetting {
            String keys = given.get(Setting.SLURM_JWKS);
            if (keys != null && keys.contains("://") && !keys.matches("https://[!-~]+")) {
                throw bad(Setting.SLURM_JWKS, keys, "a file, or an address that begins with https://");
            }
            if (keys != null && !keys.contains("://") && !Files.isReadable(path(Setting.SLURM_JWKS, keys))) {
                throw bad(Setting.SLURM_JWKS, keys, "a file that the server can read");
            }
            return new SlurmTokenSettings(Optional.ofNullable(keys), text(Setting.SLURM_JWT_CLAIM));
        }

        private SlurmAddress slurmAddress(String url) throws BadSetting {
            SlurmAddress address;
            try {
                address = SlurmAddress.parse(url);
            } catch (IllegalArgumentException e) {
                throw bad(Setting.SLURM_BASE_URL, url, String.valueOf(e.getMessage()));
            }
            String caFile = given.get(Setting.SLURM_CA_FILE);
            if (caFile == null) {
                return address;
            }
            if (!(address instanceof SlurmAddress.Web web) || !"https".equals(web.base().getScheme())) {
                throw bad(Setting.SLURM_CA_FILE, caFile, "none, unless SLURM_BASE_URL is https://...");
            }
            return web.trusting(trusted(Setting.SLURM_CA_FILE).orElseThrow());
        }

        private AuthToken slurmToken() throws BadSetting {
            String token = given.get(Setting.SLURM_AUTH_TOKEN);
            String file = given.get(Setting.SLURM_AUTH_TOKEN_FILE);
            if (token != null && file != null) {
                throw new BadSetting("SLURM_AUTH_TOKEN and SLURM_AUTH_TOKEN_FILE are both set; one of them is enough");
            }
            if (token != null && !AuthToken.isToken(token)) {
                throw new BadSetting("SLURM_AUTH_TOKEN is not a token: it holds other characters than those of a JWT");
            }
            if (file != null) { // it may be written after the start
                return new AuthToken.InFile(path(Setting.SLURM_AUTH_TOKEN_FILE, file).toAbsolutePath());
            }
            return token != null ? new AuthToken.Fixed(token) : new AuthToken.None();
        }

        private Optional<String> slurmUser() throws BadSetting {
            String name = given.get(Setting.SLURM_USER_NAME);
            if (name != null && !name.matches("[A-Za-z0-9_][A-Za-z0-9._@+-]{0,255}")) {
                throw bad(Setting.SLURM_USER_NAME, name, "a user's name");
            }
            return Optional.ofNullable(name);
        }

        private static Path folderOfCommands(String text) throws BadSetting {
            Path folder = path(Setting.SLURM_COMMANDS, text);
            for (String command : List.of("squeue", "sacct", "scontrol")) {
                if (!folder.isAbsolute() || !Files.isExecutable(folder.resolve(command))) {
                    throw bad(Setting.SLURM_COMMANDS, text,
                            "the full path of a folder with squeue, sacct and scontrol, which the server may run");
                }
            }
            return folder;
        }

        private static Path path(Setting setting, String text) throws BadSetting {
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw bad(setting, text, "a path");
            }
        }

        private String cluster() throws BadSetting {
            String name = given.getOrDefault(Setting.DEFAULT_CLUSTER, Setting.DEFAULT_CLUSTER.byDefault());
            if (!CLUSTER.matcher(name).matches()) {
                throw bad(Setting.DEFAULT_CLUSTER, name, "1 to 64 letters, digits or . _ -");
            }
            return name;
        }

        private Set<String> clusters() throws BadSetting {
            String names = given.get(Setting.CLUSTERS);
            if (names == null) {
                return Set.of();
            }
            Set<String> clusters = new LinkedHashSet<>();
            for (String name : names.split(",", -1)) {
                if (!CLUSTER.matcher(name.strip()).matches()) {
                    throw bad(Setting.CLUSTERS, names,
                            "names of 1 to 64 letters, digits or . _ -, with commas between");
                }
                clusters.add(name.strip());
            }
            return clusters;
        }

        private Duration days(Setting setting, Duration min, String minSource, int max) throws BadSetting {
            return Duration.ofDays(number(setting, Math.toIntExact(min.toDays()), minSource, max));
        }

        private int number(Setting setting, int min, int max) throws BadSetting {
            return number(setting, min, "", max);
        }

        /** @param minSource the other setting that the minimum comes from, for the message */
        private int number(Setting setting, int min, String minSource, int max) throws BadSetting {
            String text = given.getOrDefault(setting, setting.byDefault());
            if (text.matches("[0-9]{1,9}") && Integer.parseInt(text) >= min && Integer.parseInt(text) <= max) {
                return Integer.parseInt(text);
            }
            throw bad(setting, text, "a whole number from " + min + minSource + " to " + max);
        }

        private String choice(Setting setting, String... allowed) throws BadSetting {
            String text = given.getOrDefault(setting, setting.byDefault());
            if (List.of(allowed).contains(text)) {
                return text;
            }
            throw bad(setting, text, String.join(" or ", allowed));
        }

        private static BadSetting bad(Setting setting, @Nullable String value, String allowed) {
            return new BadSetting(setting + " is \"" + value + "\"; allowed: " + allowed);
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
