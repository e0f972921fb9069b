package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** docker-compose.yml and the files of deploy/docker agree with each other and with those of deploy/prometheus and deploy/grafana. */
class ComposeTest {
    private static final Path ROOT = Path.of("..");
    private static final Path DOCKER = ROOT.resolve("deploy/docker");
    /** As {@code ${NAME:-value}}. */
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)(?::-([^}]*))?");
    private static final Pattern SETTING = Pattern.compile("^#?(\\w+)=(.*)$", Pattern.MULTILINE);
    private static final Pattern PINNED = Pattern.compile("[\\w/-]+:.*\\d+\\.\\d+.*|debian:trixie-\\d{8}-slim");
    private static final Set<String> SECRETS = Set.of("POSTGRES_PASSWORD", "GF_SECURITY_ADMIN_PASSWORD");
    /** As check gets them when the two passwords are set and nothing else. */
    private static final Map<String, String> GOOD = Map.of("POSTGRES_USER", "hpc", "POSTGRES_PASSWORD", "a1-b2_c3.d4~",
            "POSTGRES_DB", "hpc_jobs", "GF_SECURITY_ADMIN_PASSWORD", "any: thing $", "PUBLISH_SERVER", "0.0.0.0:8080",
            "PUBLISH_PROMETHEUS", "127.0.0.1:9090", "PUBLISH_GRAFANA", "[::1]:3000");

    private final JsonNode compose = new YAMLMapper().readTree(ROOT.resolve("docker-compose.yml"));

    @Test
    void everyPortIsOnThisMachineOnlyUntilToldOtherwise() {
        List<String> ports = services().flatMap(service -> service.getValue().path("ports").valueStream())
                .map(JsonNode::asString).toList();
        assertThat(ports).hasSize(3).allSatisfy(port -> assertThat(port).matches(
                "\\$\\{PUBLISH_[A-Z]+:-127\\.0\\.0\\.1:(\\d+)}:\\1"));
    }

    @Test
    void everythingWaitsForTheCheckButWhatStandsAlone() {
        Set<String> alone = Set.of("check", "slurm");
        services().forEach(service -> {
            JsonNode waitsFor = service.getValue().path("depends_on");
            assertThat(waitsFor.isEmpty()).as(service.getKey()).isEqualTo(alone.contains(service.getKey()));
            assertThat(waitsFor.at("/check/condition").asString("service_completed_successfully"))
                    .as(service.getKey()).isEqualTo("service_completed_successfully");
            assertThat(waitsFor.isEmpty() || waitsFor.has("check")).as(service.getKey()).isTrue();
        });
    }

    /** As compose itself reads it, with no .env at all. */
    @Test
    void composeTakesTheFile(@TempDir Path folder) throws Exception {
        ProcessBuilder builder = new ProcessBuilder("docker-compose", "-f",
                ROOT.resolve("docker-compose.yml").toString(), "--profile", "slurm", "--env-file",
                Files.createFile(folder.resolve("empty.env")).toString(), "config", "--services");
        assumeThat(isThere("docker-compose")).as("docker-compose is installed").isTrue();
        Process process = builder.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(said.lines()).containsExactlyInAnyOrderElementsOf(services().map(Map.Entry::getKey).toList());
    }

    private static boolean isThere(String program) {
        return Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    /** Root on the machine is what the container of Slurm is as good as: nothing else may be so, and nobody by chance. */
    @Test
    void onlySlurmWhichNobodyStartsByChanceMayDoMuch() {
        Set<String> much = services().filter(service -> service.getValue().has("privileged")
                || service.getValue().path("cap_add").valueStream().anyMatch(cap -> cap.asString().equals("SYS_ADMIN"))
                || service.getValue().path("security_opt").valueStream().map(JsonNode::asString)
                        .anyMatch(option -> option.endsWith("unconfined")))
                .map(Map.Entry::getKey).collect(Collectors.toSet());
        assertThat(much).containsExactly("slurm");
        assertThat(service("slurm").at("/profiles/0").asString()).isEqualTo("slurm");
        assertThat(service("slurm").has("ports")).isFalse();
        assertThat(service("slurm").has("privileged")).isFalse();
    }

    /** What one hands to the other by a volume is where the other looks for it. */
    @Test
    void slurmHasTheTokenOfAgentsAndTheServerThatOfSlurm() throws IOException {
        assertThat(text("run")).contains("/run/slurm-token/token");
        assertThat(mounts("app")).contains("slurm-token:/run/slurm-token:ro");
        assertThat(mounts("slurm")).contains("slurm-token:/run/slurm-token", "agent-token:/run/jobwitness");
        assertThat(mounts("tokens")).contains("agent-token:/run/agent-token", "scrape-token:/run/scrape-token");
        assertThat(text("etc/jobwitness/jobwitness.conf")).contains("TOKEN_FILE=/run/jobwitness/agent.token",
                "API_URL=http://app:8080");
    }

    /** The three lines that install.md asks for, for a Slurm that is as one on a cluster. */
    @Test
    void slurmIsConfiguredAsInstallMdSays() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/install.md"));
        String lines = page.substring(page.indexOf("```ini\nProlog=") + "```ini\n".length());
        assertThat(text("etc/slurm/slurm.conf")).contains(lines.substring(0, lines.indexOf("```")));
    }

    @Test
    void theImageOfSlurmHasNoSecretAndIsBuiltFromWhatIsInTheHouse() throws IOException {
        assertThat(text("Dockerfile")).contains("rm -rf /var/lib/apt/lists/* /etc/munge/munge.key");
        for (String dockerfile : List.of("docker/Dockerfile", "slurm/Dockerfile")) {
            Set<String> let = Files.readAllLines(ROOT.resolve("deploy/" + dockerfile + ".dockerignore")).stream()
                    .filter(line -> line.startsWith("!") && !line.contains("*")).map(line -> line.substring(1))
                    .collect(Collectors.toSet());
            assertThat(let).isNotEmpty().allSatisfy(name -> assertThat(ROOT.resolve(name)).exists());
            Matcher copied = Pattern.compile("^COPY (?!--from)(\\S.*) \\S+$", Pattern.MULTILINE)
                    .matcher(Files.readString(ROOT.resolve("deploy/" + dockerfile)));
            assertThat(copied.results().flatMap(copy -> Stream.of(copy.group(1).split(" ")))
                    .filter(name -> !name.equals(".")))
                    .isNotEmpty().allSatisfy(name -> {
                        assertThat(ROOT.resolve(name)).exists();
                        assertThat(let.stream().anyMatch(name::startsWith)).as(name).isTrue();
                    });
        }
    }

    private static String text(String file) throws IOException {
        return Files.readString(ROOT.resolve("deploy/slurm").resolve(file));
    }

    private List<String> mounts(String service) {
        return service(service).required("volumes").valueStream().map(JsonNode::asString).toList();
    }

    @Test
    void whatIsWaitedForSaysWhetherItIsHealthy() throws IOException {
        assertThat(Files.readString(DOCKER.resolve("Dockerfile"))).contains("HEALTHCHECK");
        assertThat(text("Dockerfile")).contains("HEALTHCHECK");
        services().flatMap(service -> service.getValue().path("depends_on").propertyStream())
                .filter(other -> other.getValue().required("condition").asString().equals("service_healthy"))
                .forEach(other -> assertThat(service(other.getKey()).has("healthcheck")
                        || service(other.getKey()).has("build")).as(other.getKey()).isTrue());
    }

    @Test
    void imagesArePinned() throws IOException {
        List<String> images = new ArrayList<>(services().filter(service -> !service.getValue().has("build"))
                .map(service -> service.getValue().required("image").asString()).toList());
        for (String dockerfile : List.of(Files.readString(DOCKER.resolve("Dockerfile")), text("Dockerfile"))) {
            Pattern.compile("^FROM (\\S+)", Pattern.MULTILINE).matcher(dockerfile).results()
                    .map(from -> from.group(1)).forEach(images::add);
        }
        assertThat(images).hasSize(9).allSatisfy(image -> assertThat(image).matches(PINNED));
    }

    @Test
    void everyFolderAndFileThatIsMountedIsThere() {
        List<String> mounts = services().flatMap(service -> service.getValue().path("volumes").valueStream())
                .map(JsonNode::asString).toList();
        Set<String> named = compose.required("volumes").propertyStream().map(Map.Entry::getKey)
                .collect(Collectors.toSet());
        assertThat(mounts).allSatisfy(mount -> {
            String source = mount.substring(0, mount.indexOf(':'));
            if (source.startsWith("./")) {
                assertThat(ROOT.resolve(source)).exists();
                assertThat(mount).endsWith(":ro");
            } else {
                assertThat(named).contains(source);
            }
        }).contains("./deploy/prometheus/rules:/etc/prometheus/rules:ro");
    }

    /** No password stands in the file. One that is missing is refused by check, so that slurm alone needs none. */
    @Test
    void secretsComeFromTheEnvironmentOnly() throws IOException {
        JsonNode checked = service("check").required("environment");
        for (String secret : SECRETS) {
            assertThat(checked.required(secret).asString()).isEqualTo("${" + secret + ":-}");
        }
        services().flatMap(service -> service.getValue().path("environment").propertyStream())
                .filter(variable -> SECRETS.contains(variable.getKey()))
                .forEach(variable -> assertThat(variable.getValue().asString()).startsWith("${" + variable.getKey()));
        assertThat(variables()).containsKeys(SECRETS.toArray(String[]::new));
    }

    @Test
    void theExampleHasWhatCanBeSetAndItsDefaults() throws IOException {
        Map<String, String> example = new HashMap<>();
        for (MatchResult line : SETTING.matcher(Files.readString(DOCKER.resolve(".env.example"))).results().toList()) {
            example.put(line.group(1), line.group(2));
        }
        Map<String, String> variables = variables();
        assertThat(variables).containsKeys(example.keySet().toArray(String[]::new));
        example.forEach((name, value) -> {
            if (SECRETS.contains(name)) {
                assertThat(value).isEqualTo("change-me");
            } else if (variables.get(name).isEmpty()) {
                assertThat(value).as(name).isEqualTo(Setting.valueOf(name).byDefault());
            } else {
                assertThat(value).as(name).isEqualTo(variables.get(name));
            }
        });
    }

    /** The image has no commands of Slurm, and a token in the environment is there for all who may inspect the container. */
    @Test
    void everySettingOfTheServerCanBeSetButThoseOfTheContainer() {
        Set<Setting> handed = EnumSet.complementOf(EnumSet.of(Setting.JOBWITNESS_DATA_DIR, Setting.HOST, Setting.PORT,
                Setting.AUTH, Setting.MUNGE_SOCKET, Setting.PROXY_USER_HEADER, Setting.PROXY_SECRET_FILE,
                Setting.PROXY_ADDRESSES, Setting.OIDC_ISSUER, Setting.OIDC_CLIENT_ID,
                Setting.OIDC_CLIENT_SECRET_FILE, Setting.OIDC_CA_FILE, Setting.OIDC_SCOPES, Setting.OIDC_USER_CLAIM,
                Setting.OIDC_USER_PATTERN, Setting.OIDC_GROUPS_CLAIM, Setting.SLURM_COMMANDS, Setting.SLURM_AUTH_TOKEN,
                Setting.SITE_NOTES_FILE, Setting.NOTICE_SENDMAIL, Setting.NOTICE_SMTP_URL,
                Setting.NOTICE_SMTP_PASSWORD_FILE, Setting.NOTICE_SMTP_CA_FILE, Setting.NOTICE_FROM, Setting.NOTICE_TO,
                Setting.NOTICE_WEBHOOK_URL,
                Setting.NOTICE_WEBHOOK_SECRET_FILE, Setting.TLS_CERT_FILE,
                Setting.TLS_KEY_FILE, Setting.PLAIN_HTTP));
        Set<String> expected = handed.stream().map(Setting::name).collect(Collectors.toCollection(TreeSet::new));
        expected.add("JAVA_OPTS");
        assertThat(service("app").required("environment").propertyStream().map(Map.Entry::getKey))
                .containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void prometheusIsToldWhatThatOfThePackagesIsTold() {
        JsonNode ours = new YAMLMapper().readTree(DOCKER.resolve("prometheus.yml"));
        JsonNode theirs = new YAMLMapper().readTree(Dashboards.PROMETHEUS.resolve("prometheus.yml"));
        assertThat(ours.required("global")).isEqualTo(theirs.required("global"));
        assertThat(ours.required("rule_files")).isEqualTo(theirs.required("rule_files"));
        ObjectNode job = (ObjectNode) theirs.at("/scrape_configs/0").deepCopy();
        job.withObject("/authorization").put("credentials_file", "/run/jobwitness/scrape.token");
        job.withArray("/static_configs/0/targets").removeAll().add("app:8080");
        assertThat(ours.at("/scrape_configs/0")).isEqualTo(job);
    }

    @Test
    void grafanaAsksThePrometheusBesideIt() {
        String file = "provisioning/datasources/jobwitness.yml";
        ObjectNode theirs = (ObjectNode) new YAMLMapper().readTree(Dashboards.GRAFANA.resolve(file));
        theirs.withObject("/datasources/0").put("url", "http://prometheus:9090");
        assertThat(new YAMLMapper().readTree(DOCKER.resolve("datasource.yml"))).isEqualTo(theirs);
        JsonNode shown = new YAMLMapper()
                .readTree(Dashboards.GRAFANA.resolve("provisioning/dashboards/jobwitness.yml"));
        assertThat(service("grafana").required("volumes").valueStream().map(JsonNode::asString)).contains(
                "./deploy/grafana/dashboards:" + shown.at("/providers/0/options/path").asString() + ":ro");
    }

    @Test
    void theCheckLetsGoodSettingsPass() throws Exception {
        assertThat(check(UnaryOperator.identity())).isEqualTo("0 ");
    }

    @ParameterizedTest
    @CsvSource({"POSTGRES_PASSWORD,'',is missing", "GF_SECURITY_ADMIN_PASSWORD,'',is missing",
            "POSTGRES_PASSWORD,change-me,is still the example",
            "GF_SECURITY_ADMIN_PASSWORD,change-me,is still the example",
            "POSTGRES_PASSWORD,a@b,may have letters", "POSTGRES_DB,a/b,may have letters",
            "POSTGRES_USER,a b,may have letters", "PUBLISH_PROMETHEUS,9090,must be ADDRESS:PORT",
            "PUBLISH_SERVER,:8080,must be ADDRESS:PORT"})
    void theCheckRefuses(String name, String value, String why) throws Exception {
        String said = check(settings -> {
            settings.put(name, value);
            return settings;
        });
        assertThat(said).startsWith("1 " + name + " in .env " + why);
        if (name.endsWith("PASSWORD") && value.contains("@")) {
            assertThat(said).doesNotContain(value);
        }
    }

    /** Its status and what it says. */
    private static String check(UnaryOperator<Map<String, String>> change) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(DOCKER.resolve("check").toString()).redirectErrorStream(true);
        builder.environment().putAll(change.apply(new HashMap<>(GOOD)));
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        return process.exitValue() + " " + said;
    }

    /** Those that the file names, with their defaults. */
    private Map<String, String> variables() throws IOException {
        Map<String, String> variables = new HashMap<>();
        for (MatchResult variable : VARIABLE.matcher(Files.readString(ROOT.resolve("docker-compose.yml"))).results()
                .toList()) {
            String byDefault = variable.group(2) == null ? "" : variable.group(2);
            assertThat(variables.getOrDefault(variable.group(1), byDefault)).as(variable.group(1))
                    .isEqualTo(byDefault);
            variables.put(variable.group(1), byDefault);
        }
        return variables;
    }

    private JsonNode service(String name) {
        return compose.required("services").required(name);
    }

    private Stream<Map.Entry<String, JsonNode>> services() {
        return compose.required("services").propertyStream();
    }
}
