package org.jobwitness.slurm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** slurm/mail between a slurmctld, a command jobwitness and a mailer that write down what they are given. */
class MailTest {
    private static final String SCRIPT = Path.of("mail").toAbsolutePath().toString();
    private static final String ENDED = "Slurm Job_id=57 Name=train Failed, Run time 00:01:00, OUT_OF_MEMORY";
    private static final String VERDICT = "Job 57 of alice: failed";

    @TempDir
    Path folder;
    private final Map<String, String> environment = new TreeMap<>();

    @BeforeEach
    void programs() throws IOException {
        program("mailer", "printf '%s\\n' \"$@\" >" + folder + "/sent\ncat >" + folder + "/body");
        command("echo '" + VERDICT + "'");
        environment.put("JOBWITNESS_MAILER", folder + "/mailer");
        environment.put("JOBWITNESS_COMMAND", folder + "/jobwitness");
        environment.put("JOBWITNESS_CONF", folder + "/none");
        environment.put("SLURM_JOB_MAIL_TYPE", "Ended");
    }

    private void program(String name, String script) throws IOException {
        Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** The command jobwitness, which also writes down what it was asked. */
    private void command(String script) throws IOException {
        program("jobwitness", "printf '%s\\n' \"$@\" >" + folder + "/asked\n" + script);
    }

    private void mail(List<String> shell, String input, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(shell);
        command.add(SCRIPT);
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(output).isEmpty();
        assertThat(process.exitValue()).isZero();
    }

    private void mail(String subject) throws Exception {
        mail(List.of(), "", "-s", subject, "alice@example.org");
    }

    private String body() throws IOException {
        return Files.readString(folder.resolve("body"));
    }

    private List<String> sent() throws IOException {
        return Files.readAllLines(folder.resolve("sent"));
    }

    private List<String> asked() throws IOException {
        return Files.readAllLines(folder.resolve("asked"));
    }

    static List<List<String>> shells() {
        return Shells.here();
    }

    @ParameterizedTest
    @MethodSource("shells")
    void theVerdictOfAJobThatEndedIsInTheMail(List<String> shell) throws Exception {
        environment.put("SLURM_CLUSTER_NAME", "alpha");
        mail(shell, "Slurm's own words\n", "-s", ENDED, "alice@example.org");

        assertThat(sent()).containsExactly("-s", ENDED, "alice@example.org");
        assertThat(body()).isEqualTo("Slurm's own words\n" + VERDICT + "\n");
        assertThat(asked()).contains("why", "--cluster=alpha").endsWith("--", "57");
    }

    /** Slurm 22.05.8 starts MailProg with SIGCHLD blocked. */
    @ParameterizedTest
    @MethodSource("shells")
    void theMailIsSentThoughSignalsAreBlocked(List<String> shell) throws Exception {
        List<String> blocked = new ArrayList<>(List.of("/usr/bin/env", "--block-signal"));
        blocked.addAll(shell.isEmpty() ? List.of("/bin/sh") : shell);
        mail(blocked, "", "-s", ENDED, "alice@example.org");

        assertThat(body()).contains(VERDICT);
    }

    @ParameterizedTest
    @CsvSource({"'Slurm Job_id=57 Name=a Ended, Run time 00:00:22, COMPLETED, ExitCode 0', 57",
            "'SLURM Job_id=57 Name=a Failed', 57", "'Slurm Job_id=57 Name=Job_id=58 Name= Ended', 57",
            "'Slurm Array Task Job_id=100_3 (103) Name=a Ended, Run time 00:00:01', 103",
            "'Slurm Array Summary Job_id=100_* (100) Name=a Ended, Mixed, MaxSignal [9]', 100"})
    void theJobIsFoundInEachFormOfTheSubject(String subject, String id) throws Exception {
        mail(subject);

        assertThat(asked()).last().isEqualTo(id);
        assertThat(body()).contains(VERDICT);
    }

    @Test
    void ofAnArrayItSaysWhichTaskItIs() throws Exception {
        mail("Slurm Array Summary Job_id=100_* (100) Name=a Ended, COMPLETED, ExitCode [0-0]");

        assertThat(body()).startsWith("Of the array, this is the task with the job id 100:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Slurm", "Slurm Job_id= Name=x Ended", "Slurm Job_id=-1 Name=x Ended",
            "Slurm Job_id=1;reboot Name=x Ended", "Slurm Job_id=$(touch owned) Name=x Ended",
            "Slurm Job_id=12345678901 Name=x",
            "Slurm Job_id=01 Name=x Ended", "Slurm Array Task Job_id=1_2 (x) Name=y Ended",
            "hello Job_id=57 Name=x Ended"})
    void aSubjectOfAnotherFormIsSentAsItIs(String subject) throws Exception {
        mail(subject);

        assertThat(folder.resolve("asked")).doesNotExist();
        assertThat(String.join("\n", sent())).isEqualTo("-s\n" + subject + "\nalice@example.org");
        assertThat(body()).isEmpty();
    }

    @Test
    void aJobsNameIsTextAndNothingElse() throws Exception {
        String subject = "Slurm Job_id=57 Name=$(touch " + folder + "/owned) `touch " + folder
                + "/owned` ; * \\n %s ' \" Ended, FAILED";
        mail(subject);

        assertThat(sent()).containsExactly("-s", subject, "alice@example.org");
        assertThat(asked()).last().isEqualTo("57");
        assertThat(folder.resolve("owned")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Began", "Requeued", "Reached 90% of time limit", "Staged Out", "Invalid dependency"})
    void otherMailsAreAsTheyWere(String type) throws Exception {
        environment.put("SLURM_JOB_MAIL_TYPE", type);
        mail("Slurm Job_id=57 Name=my Ended job " + type);

        assertThat(folder.resolve("asked")).doesNotExist();
        assertThat(sent()).hasSize(3);
    }

    @Test
    void anOlderSlurmSaysInTheSubjectAloneWhatHappened() throws Exception {
        environment.remove("SLURM_JOB_MAIL_TYPE");
        mail("Slurm Job_id=57 Name=a Began, Queued time 00:00:01");
        assertThat(folder.resolve("asked")).doesNotExist();
        mail(ENDED);
        assertThat(asked()).last().isEqualTo("57");
    }

    @ParameterizedTest
    @ValueSource(strings = {"exit 3", "kill -KILL $$", "echo half; exit 1"})
    void theMailIsSentWhateverBecomesOfTheCommand(String script) throws Exception {
        command(script);
        mail(ENDED);

        assertThat(sent()).hasSize(3);
        assertThat(body()).isEmpty();
    }

    @Test
    void theMailIsSentWithoutTheCommand() throws Exception {
        Files.delete(folder.resolve("jobwitness"));
        mail(ENDED);

        assertThat(sent()).hasSize(3);
        assertThat(body()).isEmpty();
    }

    @Test
    void aCommandThatHangsIsEnded() throws Exception {
        String script = Files.readString(Path.of("mail"));
        assertThat(script).contains("altogether=25\n");
        Path impatient = Files.writeString(folder.resolve("mail"),
                script.replace("altogether=25\n", "altogether=0.3\n"));
        command("sleep 600");
        mail(List.of("/bin/sh", "-c", "exec /bin/sh '" + impatient + "' -s \"$2\" alice", "sh"), "", ENDED);

        assertThat(sent()).containsExactly("-s", ENDED, "alice");
        assertThat(body()).isEmpty();
    }

    @Test
    void noLineOfABodyIsAnOrderToTheMailer() throws Exception {
        command("printf '~!reboot\\n.\\n~r /etc/shadow\\nend\\n'");
        mail(ENDED);

        assertThat(body()).isEqualTo(" ~!reboot\n .\n ~r /etc/shadow\nend\n");
    }

    @Test
    void theSettingsFileNamesMailerCommandAndToken() throws Exception {
        environment.remove("JOBWITNESS_MAILER");
        environment.remove("JOBWITNESS_COMMAND");
        environment.put("JOBWITNESS_CONF", Files.writeString(folder.resolve("conf"),
                "# ours\nJOBWITNESS_MAILER=" + folder + "/mailer\nJOBWITNESS_COMMAND=" + folder + "/jobwitness\r\n"
                        + "JOBWITNESS_MAIL_TOKEN_FILE=/etc/jobwitness/mail.token\n")
                .toString());
        mail(ENDED);

        assertThat(body()).isEqualTo(VERDICT + "\n");
        assertThat(asked()).contains("--token-file=/etc/jobwitness/mail.token");
    }

    @Test
    void sendmailGetsAHeaderOfWhichTheJobsNameIsOneLine() throws Exception {
        program("sendmail", "printf '%s\\n' \"$@\" >" + folder + "/sent\ncat >" + folder + "/body");
        environment.put("JOBWITNESS_MAILER", folder + "/sendmail");
        mail("Slurm Job_id=57 Name=a\nBcc: everybody@example.org\n\nowned Ended");

        assertThat(sent()).containsExactly("-i", "--", "alice@example.org");
        assertThat(body())
                .startsWith("Subject: Slurm Job_id=57 Name=aBcc: everybody@example.orgowned Ended\nMIME-Version")
                .contains("\nTo: alice@example.org\n\n" + VERDICT);
        assertThat(asked()).last().isEqualTo("57");
    }
}
