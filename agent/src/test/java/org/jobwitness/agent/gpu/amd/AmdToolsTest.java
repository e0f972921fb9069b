package org.jobwitness.agent.gpu.amd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** amd-smi and rocm-smi of several releases, played by scripts that print what those print. */
class AmdToolsTest {
    private static final Path PRINTED = Path.of("src/test/resources/gpu").toAbsolutePath();
    private static final Duration LONG_ENOUGH = Duration.ofSeconds(20);

    @TempDir
    Path folder;
    private AmdTree tree;

    @BeforeEach
    void kfd() {
        tree = new AmdTree(folder.resolve("sys"));
    }

    private Path tool(String script) throws IOException {
        Path tool = Files.writeString(folder.resolve("tool"), "#!/bin/sh\n" + script + "\n");
        return Files.setPosixFilePermissions(tool, PosixFilePermissions.fromString("rwx------"));
    }

    private AmdSmi amdSmi(String release) throws IOException {
        return new AmdSmi(tool("echo \"$*\" >>" + folder.resolve("calls") + "\ncat " + PRINTED + "/amd-smi-" + release
                + "-$1.json"), LONG_ENOUGH, tree.sys());
    }

    private RocmSmi rocmSmi(String release) throws IOException {
        return new RocmSmi(tool("echo 'WARNING: AMD GPU device(s) is/are in a low-power state.'\ncat " + PRINTED
                + "/rocm-smi-" + release + ".json"), LONG_ENOUGH, tree.sys());
    }

    @Test
    void amdSmiTellsNamesFiguresAndByKfdTheProcesses() throws Exception {
        tree.process(4711, 9996, 284 << 20);
        List<GpuState> gpus = amdSmi("6.3").read();
        assertThat(gpus).extracting(gpu -> gpu.name().uuid() + " " + gpu.name().index() + " " + gpu.name().pci())
                .containsExactly("GPU-1b9dd972253c3736 0 00000000:0c:00.0", "GPU-d4a9ec48d03d261d 1 00000000:22:00.0");
        assertThat(gpus.getFirst()).satisfies(gpu -> {
            assertThat(gpu.name().model()).isEqualTo("AMD Instinct MI300X");
            assertThat(gpu.utilizationPercent()).isEqualTo(97.0);
            assertThat(gpu.memoryUsedBytes()).isEqualTo(3072L << 20);
            assertThat(gpu.memoryTotalBytes()).isEqualTo(196592L << 20);
            assertThat(gpu.powerWatts()).isEqualTo(305.0);
            assertThat(gpu.temperatureCelsius()).as("there is no edge").isEqualTo(49.0);
            assertThat(gpu.energyJoules()).isEqualTo(104857.6);
            assertThat(gpu.clockMhz()).isEqualTo(2106);
            assertThat(gpu.eccErrors()).isEqualTo(2);
            assertThat(gpu.throttled()).isEmpty();
            assertThat(gpu.processes()).isEmpty();
            assertThat(gpu.absent()).containsOnlyKeys("utilization_interval");
        });
        assertThat(gpus.get(1).processes()).extracting(GpuProcess::pid).containsExactly(4711);
    }

    @Test
    void amdSmiIsCalledOnceACycle() throws Exception {
        AmdSmi amdSmi = amdSmi("6.3");
        amdSmi.read();
        Files.delete(folder.resolve("calls"));
        amdSmi.read();
        assertThat(folder.resolve("calls")).hasContent("metric --json");
    }

    @Test
    void amdSmiOfRocm60ToldBareNumbers() throws Exception {
        GpuState gpu = amdSmi("6.0").read().getFirst();
        assertThat(gpu.name().uuid()).isEqualTo("GPU-79ccd55167a2124a");
        assertThat(gpu.utilizationPercent()).isEqualTo(100.0);
        assertThat(gpu.powerWatts()).isEqualTo(471.0);
        assertThat(gpu.temperatureCelsius()).isEqualTo(57.0);
        assertThat(gpu.memoryUsedBytes()).isEqualTo(60000L << 20);
        assertThat(gpu.processes()).isNull();
        assertThat(gpu.absent()).containsEntry("energy_joules", "amd-smi does not provide it for this GPU")
                .containsEntry("processes", "the compute driver (KFD) does not show this GPU");
    }

    @Test
    void amdSmiOfRocm70TellsPartitions() throws Exception {
        tree.process(7, 40326, 1 << 30);
        List<GpuState> gpus = amdSmi("7.0").read();
        assertThat(gpus).extracting(gpu -> gpu.name().uuid() + " " + gpu.name().index() + " " + gpu.name().parent())
                .containsExactly("GPU-1b9dd972253c3736 null null", "GPU-1b9dd972253c3736/0 0 GPU-1b9dd972253c3736",
                        "GPU-1b9dd972253c3736/1 1 GPU-1b9dd972253c3736");
        assertThat(gpus).extracting(GpuState::powerWatts).containsExactly(140.0, null, null);
        assertThat(gpus.get(1).absent()).containsEntry("power_watts",
                "the tool provides it for the whole GPU at most, not for its partitions");
        assertThat(gpus).extracting(gpu -> gpu.processes().size()).containsExactly(1, 0, 1);
    }

    @Test
    void rocmSmiTellsOfOldReleases() throws Exception {
        GpuState gpu = rocmSmi("4.3").read().getFirst();
        assertThat(gpu.name().uuid()).isNull();
        assertThat(gpu.name().pci()).isEqualTo("00000000:07:00.0");
        assertThat(gpu.name().model()).as("0x1002 is none").isNull();
        assertThat(gpu.utilizationPercent()).isZero();
        assertThat(gpu.memoryUsedBytes()).isEqualTo(1622728704);
        assertThat(gpu.powerWatts()).isEqualTo(6.0);
        assertThat(gpu.clockMhz()).isEqualTo(500);
        assertThat(gpu.absent()).containsEntry("energy_joules", "rocm-smi does not provide it for this GPU");
    }

    @Test
    void rocmSmiListsCardsInItsOwnOrder() throws Exception {
        assertThat(rocmSmi("6.0").read())
                .extracting(gpu -> gpu.name().index() + " " + gpu.name().uuid() + " " + gpu.utilizationPercent())
                .containsExactly("0 GPU-04edfb117a17a07d 0.0", "1 GPU-79ccd55167a2124a 99.0");
    }

    @Test
    void rocmSmiOfToday() throws Exception {
        tree.process(4711, 39408, 1 << 20);
        GpuState gpu = rocmSmi("6.4").read().getFirst();
        assertThat(gpu.name().model()).isEqualTo("AMD Instinct MI300A");
        assertThat(gpu.temperatureCelsius()).isEqualTo(38.0);
        assertThat(gpu.powerWatts()).isEqualTo(122.0);
        assertThat(gpu.energyJoules()).isCloseTo(0.00180525, org.assertj.core.data.Offset.offset(1e-9));
        assertThat(gpu.processes()).extracting(GpuProcess::pid).containsExactly(4711);
    }

    @Test
    void theToolsAreAskedWhereSysHasNoGpu() throws Exception {
        Amd amd = new Amd(tree.sys(), List.of(new AmdSmi(folder.resolve("none"), LONG_ENOUGH, tree.sys()),
                rocmSmi("6.4")));
        assertThat(amd.isPresent()).isFalse();
        tree.folder("module/amdgpu");
        assertThat(amd.isPresent()).isTrue();
        assertThat(amd.read()).extracting(gpu -> gpu.name().model()).containsExactly("AMD Instinct MI300A");
        tree.mi210("0000:c1:00.0", "d4a9ec48d03d261d");
        assertThat(amd.read()).extracting(gpu -> gpu.name().model()).containsExactly("AMD Instinct MI210");
        assertThatThrownBy(() -> new Amd(folder, List.of()).read())
                .hasMessageStartingWith("there is no GPU of the driver amdgpu");
    }

    @Test
    void aToolThatHangsIsKilledWithWhatItStarted() throws Exception {
        Path tool = tool("echo $$ >" + folder.resolve("pids") + "\nsleep 600 &\necho $! >>" + folder.resolve("pids")
                + "\nwait");
        AmdSmi amdSmi = new AmdSmi(tool, Duration.ofMillis(300), tree.sys());
        assertThatThrownBy(amdSmi::read).isInstanceOf(GpuSourceException.class)
                .hasMessageEndingWith("has not answered within 0.3 s and was killed");
        for (String pid : Files.readAllLines(folder.resolve("pids"))) {
            ProcessHandle.of(Long.parseLong(pid)).ifPresent(process -> process.onExit().join());
        }
    }

    @Test
    void aToolThatFailsOrTalksNonsenseIsNoSource() throws Exception {
        assertThatThrownBy(() -> new RocmSmi(tool("exit 2"), LONG_ENOUGH, tree.sys()).read())
                .hasMessageEndingWith("ended with status 2");
        assertThatThrownBy(() -> new RocmSmi(tool("echo '{\"card0\": {'"), LONG_ENOUGH, tree.sys()).read())
                .hasMessageStartingWith("rocm-smi printed no valid JSON: cut off");
        assertThatThrownBy(() -> new RocmSmi(tool("echo '{\"system\": {}}'"), LONG_ENOUGH, tree.sys()).read())
                .hasMessage("rocm-smi reports no GPU");
        assertThatThrownBy(() -> new AmdSmi(folder.resolve("none"), LONG_ENOUGH, tree.sys()).read())
                .hasMessageContaining("cannot be run");
    }
}
