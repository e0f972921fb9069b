package org.jobwitness.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.jobwitness.cli.doctor.CheckResult.State;
import org.jobwitness.cli.service.ConfFile;
import org.jobwitness.cli.service.Problem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A compute node as a folder has it, where one thing after the other is broken. */
class MachineChecksTest {
    private static final long NOW = 1_795_384_829;
    private static final String SLURM_CONF = """
            ClusterName=alpha # ours
            ProctrackType=proctrack/cgroup
            TaskPlugin=task/affinity,\\
            task/cgroup
            Prolog=/etc/slurm/prolog.d/*
            Epilog=/usr/lib/jobwitness/epilog
            PrologFlags=Alloc,Contain
            NodeName=n[1-2] CPUs=4
            """;

    @TempDir
    Path root;

    @BeforeEach
    void aNodeOnWhichAllIsWell() throws IOException {
        write("etc/jobwitness/jobwitness.conf",
                "OBSERVABILITY_API_URL=http://jw:8080\nOBSERVABILITY_TOKEN_FILE=/etc/jobwitness/agent.token\n");
        write("etc/jobwitness/agent.token", "0123456789abcdef\n");
        permit("rw-r-----");
        write("etc/slurm/slurm.conf", SLURM_CONF);
        write("etc/slurm/cgroup.conf", "ConstrainRAMSpace=yes\n");
        Path script = Path.of("../slurm/prolog");
        for (String place : List.of("etc/slurm/prolog.d/90-jobwitness", "usr/lib/jobwitness/epilog")) {
            write(place, Files.readString(script));
            executable(place, true);
        }
        write("etc/slurm/prolog.d/10-scratch", "#!/bin/sh\n");
        write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        write("sys/fs/cgroup/system.slice/slurmstepd.scope/cgroup.procs", "1\n");
        write("sys/fs/cgroup/system.slice/jobwitness-agent.service/cgroup.procs", "2\n");
        write("dev/nvidia0", "");
        write("dev/nvidiactl", "");
        write("usr/lib64/libnvidia-ml.so.1", "");
        write("var/spool/jobwitness/events/" + (NOW - 5) + "-7-started-1.json", "{}");
    }

    private void write(String place, String content) throws IOException {
        Path file = root.resolve(place);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    private void permit(String permissions) throws IOException {
        Files.setPosixFilePermissions(root.resolve("etc/jobwitness/agent.token"),
                PosixFilePermissions.fromString(permissions));
    }

    private void executable(String place, boolean yes) throws IOException {
        Files.setPosixFilePermissions(root.resolve(place),
                PosixFilePermissions.fromString(yes ? "rwxr-xr-x" : "rw-r--r--"));
    }

    private List<CheckResult> found() throws Problem {
        return new MachineChecks(root, ConfFile.read(root.resolve("etc/jobwitness/jobwitness.conf")),
                Clock.fixed(Instant.ofEpochSecond(NOW), ZoneOffset.UTC)).all();
    }

    private void finds(String what, String advice) throws Problem {
        assertThat(found()).filteredOn(finding -> finding.state() == State.PROBLEM).singleElement()
                .satisfies(finding -> {
                    assertThat(finding.what()).isEqualTo(what);
                    assertThat(finding.advice()).contains(advice);
                });
    }

    @Test
    void whereAllIsWellNothingElseIsSaid() throws Problem {
        assertThat(found()).allSatisfy(finding -> assertThat(finding.state()).isEqualTo(State.OK)).hasSize(11);
    }

    @Test
    void settingsThatAreMissing() throws Exception {
        Files.delete(root.resolve("etc/jobwitness/agent.token"));
        finds("agent token", "agent.token");
        Files.delete(root.resolve("etc/jobwitness/jobwitness.conf"));
        finds("settings", "OBSERVABILITY_API_URL");
    }

    @Test
    void whatTheAgentTokenMeans() throws Exception {
        assertThat(found()).extracting(CheckResult::found)
                .filteredOn(found -> found.contains("agent.token is for all nodes"))
                .hasSize(1);
        write("etc/jobwitness/agent.token", "node-01234567-89ab\n");
        assertThat(found()).extracting(CheckResult::found)
                .filteredOn(found -> found.contains("agent.token is for some nodes"))
                .hasSize(1);
        permit("rw-r--r--");
        finds("agent token", "chmod 0640");
    }

    @ParameterizedTest
    @CsvSource({"0.5.15 (2022-06-22), UNKNOWN", "0.5.17 (2026-01-01), UNKNOWN", "0.5.18 (2026-02-10), OK", "0.6.0, OK"})
    void anOldMungeIsSaidToHaveAHole(String version, State state) throws Exception {
        write("usr/sbin/munged", "#!/bin/sh\n[ \"$*\" = --version ] && echo 'munge-" + version + "'\n");
        executable("usr/sbin/munged", true);
        assertThat(found()).filteredOn(finding -> finding.what().equals("munge")).singleElement()
                .satisfies(finding -> {
                    assertThat(finding.state()).isEqualTo(state);
                    assertThat(finding.found()).startsWith(version.split(" ")[0]);
                    assertThat(finding.found().contains("CVE-2026-25506")).isEqualTo(state == State.UNKNOWN);
                });
    }

    @Test
    void aMungeThatDoesNotSayItsVersionIsNotMentioned() throws Exception {
        write("usr/sbin/munged", "#!/bin/sh\nexit 1\n");
        executable("usr/sbin/munged", true);
        assertThat(found()).noneMatch(finding -> finding.what().equals("munge"));
    }

    @Test
    void slurmDoesNotRunTheScripts() throws Exception {
        write("etc/slurm/slurm.conf", SLURM_CONF.replace("Epilog=", "#Epilog="));
        finds("epilog", "Epilog=/usr/lib/jobwitness/epilog");
        write("etc/slurm/slurm.conf", SLURM_CONF);
        Files.delete(root.resolve("etc/slurm/prolog.d/90-jobwitness"));
        finds("prolog", "Prolog=/usr/lib/jobwitness/prolog");
    }

    @Test
    void aScriptThatCannotBeRunWouldDrainTheNode() throws Exception {
        executable("usr/lib/jobwitness/epilog", false);
        finds("epilog", "chmod 755 /usr/lib/jobwitness/epilog");
    }

    @Test
    void slurmConfLacksWhatJobsAreMeasuredBy() throws Exception {
        write("etc/slurm/slurm.conf", SLURM_CONF.replace("Alloc,Contain", "Alloc"));
        finds("PrologFlags", "PrologFlags=Alloc,Contain");
        write("etc/slurm/slurm.conf", SLURM_CONF.replace("task/cgroup", "task/none"));
        finds("Slurm's cgroups", "TaskPlugin=task/cgroup");
        write("etc/slurm/slurm.conf", SLURM_CONF);
        write("etc/slurm/cgroup.conf", "ConstrainRAMSpace=no\n");
        finds("memory limits", "ConstrainRAMSpace=yes");
    }

    @Test
    void theKernelHasTheOldCgroups() throws Exception {
        Files.delete(root.resolve("sys/fs/cgroup/cgroup.controllers"));
        finds("cgroup", "systemd.unified_cgroup_hierarchy=1");
    }

    @Test
    void theAgentDoesNotRun() throws Exception {
        write("sys/fs/cgroup/system.slice/jobwitness-agent.service/cgroup.procs", "");
        finds("agent", "systemctl enable --now jobwitness-agent");
    }

    @Test
    void eventsAreStuckOrRefused() throws Exception {
        write("var/spool/jobwitness/events/" + (NOW - 700) + "-7-started-1.json", "{}");
        finds("spool", "The spool grows");
        Files.delete(root.resolve("var/spool/jobwitness/events/" + (NOW - 700) + "-7-started-1.json"));
        write("var/spool/jobwitness/refused/" + (NOW - 700) + "-7-started-1.json", "{}");
        finds("spool", "Files in refused/");
    }

    @Test
    void gpusWithoutTheLibraryThatReadsThem() throws Exception {
        Files.delete(root.resolve("usr/lib64/libnvidia-ml.so.1"));
        finds("GPUs", "ldconfig");
    }

    @Test
    void onALoginNodeOnlySlurmConfIsLookedAt() throws Exception {
        Files.delete(root.resolve("sys/fs/cgroup/system.slice/slurmstepd.scope/cgroup.procs"));
        Files.delete(root.resolve("sys/fs/cgroup/system.slice/slurmstepd.scope"));
        Files.delete(root.resolve("var/spool/jobwitness/events/" + (NOW - 5) + "-7-started-1.json"));
        Files.delete(root.resolve("usr/lib/jobwitness/epilog"));

        assertThat(found()).extracting(CheckResult::what).containsExactly("PrologFlags", "Slurm's cgroups",
                "memory limits",
                "this machine");
        assertThat(found()).noneMatch(finding -> finding.state() == State.PROBLEM);
    }
}
