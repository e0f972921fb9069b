package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.testing.ServerProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a person sees who starts the server with a setting that it cannot use. */
class ServerSettingsTest {
    private static final String PASSWORD = "hunter2secret";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            PORT=abc                                | PORT is "abc"                  | from 0 to 65535
            PORT=70000                              | PORT is "70000"                | from 0 to 65535
            PORT=-1                                 | PORT is "-1"                   | from 0 to 65535
            AUTH=maybe                              | AUTH is "maybe"                | on or off
            AUTH=off HOST=0.0.0.0                   | AUTH is "off"                  | HOST is 0.0.0.0
            HOST=no.such.host.invalid               | HOST is "no.such.host.invalid" | an address of this machine
            DATABASE_CONNECTIONS=1                  | DATABASE_CONNECTIONS is "1"    | from 2 to 200
            DEFAULT_CLUSTER=a/b                     | DEFAULT_CLUSTER is "a/b"       | letters, digits
            METRICS_RETENTION_DAYS=0                | METRICS_RETENTION_DAYS is "0"  | a whole number from 1 to 3650
            METRICS_RETENTION_DAYS=3651             | METRICS_RETENTION_DAYS is "3651" | from 1 to 3650
            JOB_RETENTION_DAYS=6                    | JOB_RETENTION_DAYS is "6"      | from 7 (METRICS_RETENTION_DAYS) to 36500
            METRICS_RETENTION_DAYS=401              | JOB_RETENTION_DAYS is "400"    | from 401 (METRICS_RETENTION_DAYS)
            AUDIT_RETENTION_DAYS=399                | AUDIT_RETENTION_DAYS is "399"  | from 400 (JOB_RETENTION_DAYS) to 36500
            SCHEDULER_BACKEND=pbs                   | SCHEDULER_BACKEND is "pbs"     | none or mock or slurm
            SCHEDULER_BACKEND=slurm                 | SCHEDULER_BACKEND is "slurm"   | SLURM_BASE_URL or SLURM_COMMANDS, of which neither is set
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_COMMANDS=/bin | SCHEDULER_BACKEND | both are set
            NOTICE_SENDMAIL=/bin/true               | NOTICE_FROM is ""              | all of NOTICE_SENDMAIL, NOTICE_FROM, NOTICE_TO, or none
            NOTICE_SENDMAIL=true NOTICE_FROM=a@b.org NOTICE_TO={user}@b.org | NOTICE_SENDMAIL is "true" | absolute path of a command
            NOTICE_SENDMAIL=/bin/true NOTICE_FROM=-x@b.org NOTICE_TO={user}@b.org | NOTICE_FROM is "-x@b.org" | an address such as
            NOTICE_SENDMAIL=/bin/true NOTICE_FROM=a@b.org NOTICE_TO=all@b.org | NOTICE_TO is "all@b.org" | with {user} in it
            NOTICE_SMTP_URL=smtp://localhost        | NOTICE_FROM is ""              | all of NOTICE_SMTP_URL, NOTICE_FROM, NOTICE_TO, or none
            NOTICE_SMTP_URL=smtp://b.org NOTICE_SENDMAIL=/bin/true | NOTICE_SENDMAIL and NOTICE_SMTP_URL are both set | one of them
            NOTICE_SMTP_URL=http://b.org NOTICE_FROM=a@b.org NOTICE_TO={user}@b.org | NOTICE_SMTP_URL is "http://b.org" | such as smtp://localhost
            NOTICE_SMTP_URL=smtp://b.org:0 NOTICE_FROM=a@b.org NOTICE_TO={user}@b.org | NOTICE_SMTP_URL is "smtp://b.org:0" | a port from 1
            NOTICE_SMTP_URL=smtp://me@b.org NOTICE_FROM=a@b.org NOTICE_TO={user}@b.org | NOTICE_SMTP_PASSWORD_FILE is "" | if NOTICE_SMTP_URL has a user
            NOTICE_WEBHOOK_URL=http://b.org/ NOTICE_WEBHOOK_SECRET_FILE=/s | NOTICE_WEBHOOK_URL must | http only to 127.0.0.1
            NOTICE_RULES=gpu_idel                   | NOTICE_RULES is "gpu_idel"     | rules such as gpu_idle
            SITE_NOTES_FILE=/no/such/file           | SITE_NOTES_FILE: /no/such/file | cannot be read
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=slurm:6820 | SLURM_BASE_URL is "slurm:6820" | unix:/path/of/socket
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=unix:s     | SLURM_BASE_URL is "unix:s" | unix:/path/of/socket
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://u:hunter2@s/ | SLURM_BASE_URL | https://host:port
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_API_VERSION=v0.0.38 | SLURM_API_VERSION is "v0.0.38" | v0.0.39 to v0.0.45
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_INTERVAL_SECONDS=4  | SLURM_INTERVAL_SECONDS is "4" | from 5 to 3600
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_AUTH_TOKEN=hunter2secret! | SLURM_AUTH_TOKEN | not a token
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_AUTH_TOKEN=a SLURM_AUTH_TOKEN_FILE=/b | SLURM_AUTH_TOKEN | both set
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=https://s:1 SLURM_CA_FILE=/no/such | SLURM_CA_FILE is "/no/such" | a PEM file of certificates
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=https://s:1 SLURM_CA_FILE=/dev/null | SLURM_CA_FILE is "/dev/null" | a PEM file of certificates
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=https://s:1 SLURM_CA_FILE=/etc/passwd | SLURM_CA_FILE is "/etc/passwd" | a PEM file of certificates
            SCHEDULER_BACKEND=slurm SLURM_BASE_URL=http://s:1 SLURM_CA_FILE=/etc/passwd | SLURM_CA_FILE is "/etc/passwd" | SLURM_BASE_URL is https
            SCHEDULER_BACKEND=slurm SLURM_COMMANDS=/no/such | SLURM_COMMANDS is "/no/such" | squeue, sacct and scontrol
            DATABASE_URL=mysql://u:hunter2secret@h/db          | DATABASE_URL | must begin with postgres://
            DATABASE_URL=postgres://u:hunter2secret@/db        | DATABASE_URL | must name a host
            DATABASE_URL=postgres://u:hunter2secret@h:99999/db | DATABASE_URL | no port or one of 1 to 65535
            DATABASE_URL=postgres://u:hunter2%secret@h/db      | DATABASE_URL | percent-encode
            DATABASE_URL=postgres://u:hunter2/secret@h/db      | DATABASE_URL | percent-encode
            DATABASE_URL=postgres://u:hunter2secret@h          | DATABASE_URL | a database
            """)
    void aBadSettingIsNamedWithWhatWasReadAndWhatIsAllowed(String settings, String which, String allowed)
            throws Exception {
        Map<String, String> environment = new HashMap<>();
        Arrays.stream(settings.split(" ")).map(setting -> setting.split("=", 2))
                .forEach(setting -> environment.put(setting[0], setting[1]));
        assertRefused(environment, List.of(), which, allowed);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --prot=1              | --prot is not a flag          | --help
            --port                | --port needs a value          | --port
            --port=abc            | PORT is "abc"                 | from 0 to 65535
            --help-me             | --help-me is not a flag       | --help
            --port 0 postgres://u:hunter2secret@h/db | argument 3 is not a flag | --help
            """)
    void aBadFlagIsNamed(String flags, String which, String allowed) throws Exception {
        assertRefused(Map.of(), List.of(flags.split(" ")), which, allowed);
    }

    @Test
    void aBrokenLineOfDotEnvIsNamedButNotShown() throws Exception {
        Files.writeString(folder.resolve(".env"), "# ours\nPORT=0\n" + PASSWORD + "\n");
        assertRefused(Map.of(), List.of(), ".env line 3", "NAME=value");
    }

    @Test
    void dotEnvIsReadAndTheEnvironmentWinsOverIt() throws Exception {
        Files.writeString(folder.resolve(".env"), "PORT=\"from-file\"\nAUTH='perhaps'\n");
        assertRefused(Map.of("PORT", "1"), List.of(), "AUTH is \"perhaps\"", "on or off");
        assertRefused(Map.of(), List.of("--auth=on"), "PORT is \"from-file\"", "from 0 to 65535");
    }

    private void assertRefused(Map<String, String> environment, List<String> flags, String which, String allowed)
            throws Exception {
        try (ServerProcess server = run(environment, flags)) {
            assertThat(server.exitStatus(Duration.ofSeconds(20))).as(server.said()).isEqualTo(2);
            assertThat(server.err()).startsWith("jobwitness-server: ").contains(which, allowed).hasLineCount(1)
                    .doesNotContain(PASSWORD);
            assertThat(server.out()).isEmpty();
            assertThat(folder.resolve("data")).doesNotExist();
        }
    }

    @Test
    void helpNamesEverySettingAndItsFlag() throws Exception {
        try (ServerProcess server = run(Map.of("PORT", "abc"), List.of("--help"))) {
            assertThat(server.exitStatus(Duration.ofSeconds(20))).isZero();
            assertThat(server.err()).isEmpty();
            assertThat(server.out()).startsWith("Usage: jobwitness-server");
            for (Setting setting : Setting.values()) {
                assertThat(server.out()).contains(setting.flag() + " VALUE   (" + setting + ")", setting.effect(),
                        setting.byDefault());
            }
        }
    }

    @Test
    void versionIsOneLine() throws Exception {
        try (ServerProcess server = run(Map.of(), List.of("--version"))) {
            assertThat(server.exitStatus(Duration.ofSeconds(20))).isZero();
            assertThat(server.out()).matches("jobwitness-server [0-9]+\\.[0-9]+\\.[0-9]+(-SNAPSHOT)?\n");
        }
    }

    private ServerProcess run(Map<String, String> environment, List<String> flags) throws IOException {
        Map<String, String> all = new HashMap<>(Map.of("JOBWITNESS_DATA_DIR",
                folder.resolve("data").toString()));
        all.putAll(environment);
        return ServerProcess.run(folder.resolve("data"), folder, all, flags);
    }
}
