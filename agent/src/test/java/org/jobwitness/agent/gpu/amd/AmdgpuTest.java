package org.jobwitness.agent.gpu.amd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AmdgpuTest {
    @TempDir
    Path sys;
    private AmdTree tree;
    private Amdgpu amdgpu;

    @BeforeEach
    void driver() {
        tree = new AmdTree(sys);
        amdgpu = new Amdgpu(sys);
    }

    @Test
    void aGpuIsToldWithItsNamesFiguresAndProcesses() throws Exception {
        tree.mi210("0000:c1:00.0", "1b9dd972253c3736");
        tree.unit(40325, 0xc100, "1b9dd972253c3736", 128, 68702699520L);
        tree.process(4711, 40325, 536870912);
        assertThat(amdgpu.read()).singleElement().satisfies(gpu -> {
            assertThat(gpu.name()).isEqualTo(new GpuName(GpuVendor.AMD, "GPU-1b9dd972253c3736", "00000000:c1:00.0", 128,
                    0, null, "AMD Instinct MI210"));
            assertThat(gpu.utilizationPercent()).isEqualTo(40.0);
            assertThat(gpu.memoryUsedBytes()).isEqualTo(1073741824);
            assertThat(gpu.memoryTotalBytes()).isEqualTo(68702699520L);
            assertThat(gpu.powerWatts()).isEqualTo(123.0);
            assertThat(gpu.temperatureCelsius()).isEqualTo(45.0);
            assertThat(gpu.energyJoules()).isCloseTo(987654.321, org.assertj.core.data.Offset.offset(1e-6));
            assertThat(gpu.clockMhz()).isEqualTo(1700);
            assertThat(gpu.processes()).containsExactly(new GpuProcess(4711, 536870912L, null));
            assertThat(gpu.absent()).containsOnlyKeys("throttled", "ecc_errors");
        });
    }

    @Test
    void theFigureOfAnIntervalIsTheMeanOfWhatWasSeenInIt() throws Exception {
        String device = tree.mi210("0000:c1:00.0", "1b9dd972253c3736");
        amdgpu.read();
        for (String busy : List.of("100", "100", "0")) {
            tree.write(device + "/gpu_busy_percent", busy + "\n");
            amdgpu.keepUp();
        }
        assertThat(amdgpu.read().getFirst().utilizationPercent()).isEqualTo(50.0);
        assertThat(amdgpu.read().getFirst().utilizationPercent()).as("of the next interval").isZero();
    }

    @Test
    void gpusAreCountedInTheOrderOfTheirAddressesAndOtherDriversNot() throws Exception {
        tree.mi210("0000:e3:00.0", "d4a9ec48d03d261d");
        tree.card("0000:02:00.0", "ast");
        tree.mi210("0000:83:00.0", "79ccd55167a2124a");
        assertThat(amdgpu.read()).extracting(gpu -> gpu.name().index() + " " + gpu.name().pci())
                .containsExactly("0 00000000:83:00.0", "1 00000000:e3:00.0");
    }

    @Test
    void whatCannotBeReadIsAbsentWithItsCause() throws Exception {
        String device = tree.mi210("0000:c1:00.0", "0000000000000000");
        tree.delete(device + "/gpu_busy_percent");
        tree.folder(device + "/gpu_busy_percent"); // which refuses to be read, as a driver does with EBUSY
        tree.write(device + "/mem_info_vram_used", "none\n");
        tree.delete(device + "/hwmon/hwmon3/energy1_input");
        GpuState gpu = amdgpu.read().getFirst();
        assertThat(gpu.name().uuid()).as("a unique id that is none").isNull();
        assertThat(gpu.utilizationPercent()).isNull();
        assertThat(gpu.memoryUsedBytes()).isNull();
        assertThat(gpu.energyJoules()).isNull();
        assertThat(gpu.processes()).isNull();
        assertThat(gpu.absent())
                .containsEntry("utilization_percent", "gpu_busy_percent cannot be read: Is a directory")
                .containsEntry("memory_used_bytes", "amdgpu has no number there")
                .containsEntry("energy_joules", "amdgpu has no energy1_input for this GPU")
                .containsEntry("processes", "the compute driver (KFD) does not show this GPU");
        assertThat(gpu.powerWatts()).as("what can be read is told all the same").isEqualTo(123.0);
    }

    @Test
    void theJunctionIsReadOnlyWhereThereIsNoEdge() throws Exception {
        String sensors = tree.mi210("0000:c1:00.0", "1b9dd972253c3736") + "/hwmon/hwmon3";
        tree.write(sensors + "/temp1_input", "broken\n");
        assertThat(amdgpu.read().getFirst().temperatureCelsius()).as("never the other thermometer").isNull();
        tree.write(sensors + "/temp1_label", "mem\n");
        assertThat(amdgpu.read().getFirst().temperatureCelsius()).isEqualTo(51.0);
    }

    @Test
    void powerIsTheAverageWhereThereIsOne() throws Exception {
        String sensors = tree.mi210("0000:c1:00.0", "1b9dd972253c3736") + "/hwmon/hwmon3";
        tree.write(sensors + "/power1_input", "150000000\n");
        assertThat(amdgpu.read().getFirst().powerWatts()).isEqualTo(123.0);
        tree.delete(sensors + "/power1_average");
        assertThat(amdgpu.read().getFirst().powerWatts()).isEqualTo(150.0);
    }

    @Test
    void aGpuThatSleepsIsLeftAsleep() throws Exception {
        String device = tree.mi210("0000:c1:00.0", "1b9dd972253c3736");
        tree.write(device + "/power/runtime_status", "suspended\n");
        GpuState gpu = amdgpu.read().getFirst();
        assertThat(gpu.utilizationPercent()).isNull();
        assertThat(gpu.powerWatts()).isNull();
        assertThat(gpu.absent()).containsEntry("utilization_percent",
                "the GPU is suspended, and reading it would wake it");
        assertThat(gpu.name().uuid()).isEqualTo("GPU-1b9dd972253c3736");
    }

    @Test
    void partitionsAreKeptApartFromEachOtherAndFromTheirGpu() throws Exception {
        tree.mi210("0000:0c:00.0", "1b9dd972253c3736");
        tree.mi210("0000:c1:00.0", "d4a9ec48d03d261d");
        for (int part = 0; part < 4; part++) {
            tree.unit(100 + part, 0x0c00L | (long) part << 28, "1b9dd972253c3736", 128 + part, 16L << 30);
        }
        tree.unit(200, 0xc100, "d4a9ec48d03d261d", 132, 64L << 30);
        tree.process(7, 101, 1L << 30);
        List<GpuState> gpus = amdgpu.read();
        assertThat(gpus).extracting(gpu -> gpu.name().uuid() + " " + gpu.name().index() + " " + gpu.name().parent())
                .containsExactly("GPU-1b9dd972253c3736 null null", "GPU-1b9dd972253c3736/0 0 GPU-1b9dd972253c3736",
                        "GPU-1b9dd972253c3736/1 1 GPU-1b9dd972253c3736",
                        "GPU-1b9dd972253c3736/2 2 GPU-1b9dd972253c3736",
                        "GPU-1b9dd972253c3736/3 3 GPU-1b9dd972253c3736", "GPU-d4a9ec48d03d261d 4 null");
        assertThat(gpus.getFirst().powerWatts()).isEqualTo(123.0);
        assertThat(gpus.get(2)).satisfies(part -> {
            assertThat(part.name().minor()).isEqualTo(129);
            assertThat(part.processes()).containsExactly(new GpuProcess(7, 1L << 30, null));
            assertThat(part.memoryUsedBytes()).as("what its processes have").isEqualTo(1L << 30);
            assertThat(part.memoryTotalBytes()).isEqualTo(16L << 30);
            assertThat(part.powerWatts()).isNull();
            assertThat(part.utilizationPercent()).isNull();
            assertThat(part.absent()).containsEntry("utilization_percent",
                    "amdgpu provides it for the whole GPU, not for its partitions");
        });
        assertThat(gpus.get(1).processes()).as("known to be none").isEmpty();
    }

    @Test
    void whoOnlyOpenedTheDriverIsOnNoGpu() throws Exception {
        tree.mi210("0000:0c:00.0", "1b9dd972253c3736");
        tree.mi210("0000:c1:00.0", "d4a9ec48d03d261d");
        tree.unit(100, 0x0c00, "1b9dd972253c3736", 128, 64L << 30);
        tree.unit(200, 0xc100, "d4a9ec48d03d261d", 129, 64L << 30);
        tree.process(7, 100, 4096);
        tree.process(7, 200, 0);
        tree.process(8, 100, 0);
        tree.process(8, 200, 0);
        tree.queue(8, 1, 200);
        assertThat(amdgpu.read()).extracting(GpuState::processes).containsExactly(
                List.of(new GpuProcess(7, 4096L, null)), List.of(new GpuProcess(8, 0L, null)));
    }

    @Test
    void aNodeWithoutSuchAGpuSaysSo() {
        tree.card("0000:02:00.0", "ast");
        assertThatThrownBy(amdgpu::read).isInstanceOf(GpuSourceException.class)
                .hasMessageContaining("there is no GPU of the driver amdgpu");
    }
}
