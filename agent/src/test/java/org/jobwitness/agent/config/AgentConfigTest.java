package org.jobwitness.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jobwitness.agent.config.AgentConfig.InvalidSettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AgentConfigTest {
    @TempDir
    Path folder;

    private AgentConfig read(Map<String, String> environment, String... flags) throws InvalidSettingException {
        return AgentConfig.read(List.of(flags), environment, folder.resolve("jobwitness.conf"));
    }

    @Test
    void everyDefaultIsReadyForUse() throws Exception {
        AgentConfig config = read(Map.of("JOBWITNESS_NODE", "n1"));
        assertThat(config.url()).hasToString("http://localhost:8080");
        assertThat(config.tokenFile()).isEmpty();
        assertThat(config.caFile()).isEmpty();
        assertThat(config.events()).isEqualTo(Path.of("/var/spool/jobwitness/events"));
        assertThat(config.interval()).isEqualTo(Duration.ofSeconds(15));
        assertThat(config.jitter()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.folder()).isEqualTo(Path.of("/var/lib/jobwitness-agent"));
        assertThat(config.spoolBytes()).isEqualTo(64 << 20);
        assertThat(config.spoolAge()).isEqualTo(Duration.ofDays(7));
        assertThat(config.node()).isEqualTo("n1");
        assertThat(config.metricsPort()).isZero();
        assertThat(config.cgroupRoot()).isEqualTo(Path.of("/sys/fs/cgroup"));
        assertThat(config.procRoot()).isEqualTo(Path.of("/proc"));
        assertThat(config.sysRoot()).isEqualTo(Path.of("/sys"));
        assertThat(config.readsGpus()).isTrue();
    }

    /** An editor's encoding is no reason not to sample. */
    @Test
    void aCommentMayBeInAnyEncoding() throws Exception {
        Files.write(folder.resolve("jobwitness.conf"),
                "# gr\u00f6\u00dfer\nJOBWITNESS_INTERVAL=30 \n# \u00fcber\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(read(Map.of("JOBWITNESS_NODE", "n1")).interval()).isEqualTo(Duration.ofSeconds(30));
    }

    @ParameterizedTest
    @CsvSource(value = {"ClusterName=rig, rig", "clustername = Rig2, rig2",
            "'  ClusterName=rig # of the physicists', rig",
            "'ClusterName=\"rig\"', rig", "#ClusterName=rig, ", "ClusterName=, ", "ClusterName=a b, ",
            "OtherClusterName=rig, "})
    void theClusterIsReadFromSlurmConf(String line, String cluster) throws Exception {
        Path conf = Files.write(folder.resolve("slurm.conf"),
                ("# Caf\u00e9\n" + line + "\nSlurmctldHost=h\n").getBytes(StandardCharsets.ISO_8859_1));
        assertThat(AgentConfig.clusterIn(conf)).isEqualTo(Optional.ofNullable(cluster));
    }

    @Test
    void aFlagGoesBeforeTheEnvironmentAndThatBeforeTheFileOfTheScripts() throws Exception {
        Files.writeString(folder.resolve("jobwitness.conf"), """
                # of the scripts, too
                OBSERVABILITY_API_URL="https://jw.example.org/"
                OBSERVABILITY_TIMEOUT=1
                what they would not understand either
                JOBWITNESS_INTERVAL=30
                JOBWITNESS_CLUSTER=rig
                JOBWITNESS_CLUSTER='lab'
                """);
        AgentConfig config = read(Map.of("JOBWITNESS_INTERVAL", "1", "JOBWITNESS_NODE", "n1"), "--node=n2",
                "--metrics", "9101");
        assertThat(config.url()).hasToString("https://jw.example.org");
        assertThat(config.interval()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.jitter()).isLessThan(Duration.ofSeconds(1));
        assertThat(config.cluster(() -> Optional.of("prolog"))).contains("lab");
        assertThat(config.node()).isEqualTo("n2");
        assertThat(config.metricsPort()).isEqualTo(9101);
        assertThat(read(Map.of(), "--node=n2", "--gpus=off").readsGpus()).isFalse();
    }

    @Test
    void theLastPrologKnowsTheClusterBetterThanSlurmConfAtTheStart() throws Exception {
        AgentConfig read = read(Map.of(), "--node=n2");
        AgentConfig config = new AgentConfig(read.url(), read.tokenFile(), read.caFile(), read.events(),
                read.interval(),
                read.folder(), read.spoolBytes(), read.spoolAge(), Optional.empty(), Optional.of("conf"), read.host(),
                read.nodes(), 0, true, read.cgroupRoot(), read.procRoot(), read.sysRoot());
        assertThat(config.cluster(() -> Optional.of("prolog"))).contains("prolog");
        assertThat(config.cluster(Optional::empty)).contains("conf");
    }

    @Test
    void theHostsNameIsTheNodesUpToItsDot() throws Exception {
        Path hostname = folder.resolve("proc/sys/kernel/hostname");
        Files.createDirectories(hostname.getParent());
        Files.writeString(hostname, "n17.cluster.example.org\n");
        assertThat(read(Map.of(), "--proc-root=" + folder.resolve("proc")).node()).isEqualTo("n17");
    }

    @Test
    void severalNodesOfOneHost() throws Exception {
        AgentConfig config = read(Map.of(), "--node=n1, n2");
        assertThat(config.node()).isEqualTo("n1");
        assertThat(config.isOfThisHost("n2")).isTrue();
        assertThat(config.isOfThisHost("n3")).isFalse();
    }

    @Test
    void withoutASettingTheHostsNameIsThatOfTheNode() throws Exception {
        Path hostname = folder.resolve("proc/sys/kernel/hostname");
        Files.createDirectories(hostname.getParent());
        Files.writeString(hostname, "n17.cluster.example.org\n");
        AgentConfig config = read(Map.of(), "--proc-root=" + folder.resolve("proc"));
        assertThat(Stream.of("n17", "n17.cluster.example.org", "n18", "cluster").filter(config::isOfThisHost))
                .containsExactly("n17", "n17.cluster.example.org");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "--interval=0 | JOBWITNESS_INTERVAL is 0, but must be a whole number from 1 to 300",
            "--interval=15s | JOBWITNESS_INTERVAL is 15s, but must be a whole number from 1 to 300",
            "--api-url=ftp://x | OBSERVABILITY_API_URL is ftp://x, but must be an address such as"
                    + " https://jobwitness.example.org, without user, query or fragment",
            "--api-url=http://u:p@x | OBSERVABILITY_API_URL is http://u:p@x, but must be an address such as"
                    + " https://jobwitness.example.org, without user, query or fragment",
            "--node=../x | JOBWITNESS_NODE is ../x, but must be letters, digits or . _ -, or several such names, separated by commas",
            "--cluster=a b | JOBWITNESS_CLUSTER is a b, but must be 1 to 64 letters, digits or . _ -",
            "--dir=here | JOBWITNESS_AGENT_DIR is here, but must be an absolute path",
            "--metrics=70000 | JOBWITNESS_AGENT_METRICS is 70000, but must be a whole number from 1 to 65535",
            "--gpus=nvidia | JOBWITNESS_GPUS is nvidia, but must be auto or off",
            "--colour=red | --colour is not a flag; --help lists them", "--node | --node needs a value"})
    void aInvalidSettingExceptionSaysWhatIsAllowed(String flag, String message) {
        assertThatThrownBy(() -> read(Map.of(), flag)).isInstanceOf(InvalidSettingException.class).hasMessage(message);
    }
}
