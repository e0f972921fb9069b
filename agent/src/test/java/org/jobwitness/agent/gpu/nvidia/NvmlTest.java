package org.jobwitness.agent.gpu.nvidia;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a library made for it: no GPU was at hand. */
@Timeout(60)
class NvmlTest {
    @TempDir
    private static Path builds;
    private static Path built;
    @TempDir
    private Path folder;

    @BeforeAll
    static void build() throws Exception {
        built = StubNvml.build(builds);
    }

    @Test
    void structuresAreAsTheCompilerLaysThemOut() throws Exception {
        Path program = folder.resolve("structs");
        StubNvml.compile(Path.of("src/test/resources/nvml/structs.c"), program, List.of());
        Process structs = new ProcessBuilder(program.toString()).start();
        Map<String, Integer> ofC = new TreeMap<>();
        new String(structs.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).lines()
                .forEach(line -> ofC.put(line.split(" ")[0], Integer.valueOf(line.split(" ")[1])));
        assertThat(structs.waitFor(10, TimeUnit.SECONDS)).isTrue();

        Map<String, Integer> ours = new TreeMap<>();
        for (Field field : NvmlStructs.class.getDeclaredFields()) {
            ours.put(field.getName(), (Integer) field.get(null));
        }
        assertThat(ours).isEqualTo(ofC);
    }

    @Test
    void tellsWhichGpusThereAre() throws Exception {
        try (Nvml nvml = new StubNvml(built, folder).source()) {
            assertThat(nvml.read()).extracting(GpuState::name).containsExactly(
                    new GpuName(GpuVendor.NVIDIA, "GPU-00000000-0000-0000-0000-000000000000", "00000001:c0:02.0", 1, 1,
                            null, "NVIDIA Stub 80GB"),
                    new GpuName(GpuVendor.NVIDIA, "GPU-00000000-0000-0000-0000-000000000001", "00000001:b0:02.0", 0, 0,
                            null, "NVIDIA Stub 80GB"));
        }
    }

    @Test
    void tellsAllFigures() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("reasons", 1L | 4 | 64 | 1L << 40);
        stub.busy(0, 1000, 10, 100);
        try (Nvml nvml = stub.source()) {
            assertThat(nvml.read().getFirst().absent()).containsOnlyKeys("utilization_percent");
            stub.busy(0, 1015, 90, 30);
            GpuState gpu = nvml.read().getFirst();
            assertThat(gpu.absent()).isEmpty();
            assertThat(gpu.utilizationPercent()).isCloseTo(30, within(1e-9));
            assertThat(gpu.memoryTotalBytes()).isEqualTo(80000);
            assertThat(gpu.memoryUsedBytes()).as("without the driver's own").isEqualTo(10000);
            assertThat(gpu.powerWatts()).isEqualTo(301.5);
            assertThat(gpu.temperatureCelsius()).isEqualTo(61);
            assertThat(gpu.energyJoules()).isEqualTo(123456.789);
            assertThat(gpu.clockMhz()).isEqualTo(1410);
            assertThat(gpu.throttled()).containsExactly("power_cap", "hw_thermal_slowdown", "reason_40");
            assertThat(gpu.eccErrors()).isEqualTo(5);
            assertThat(gpu.xids()).isEmpty();
            assertThat(gpu.processes()).containsExactly(new GpuProcess(4001, 1000L, 70.0),
                    new GpuProcess(4002, null, null), new GpuProcess(4003, 30L, null));
        }
    }

    @Test
    void utilizationIsOfTheWholeIntervalAndOfNothingElse() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.busy(0, 1000, 60, 100);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            stub.busy(0, 1010, 60, 0);
            stub.busy(0, 1015, 30, 90);
            assertThat(nvml.read().getFirst().utilizationPercent()).isCloseTo(30, within(1e-6));
            GpuState again = nvml.read().getFirst();
            assertThat(again.utilizationPercent()).isNull();
            assertThat(again.absent()).containsEntry("utilization_percent",
                    "the driver took no sample since the previous reading");
        }
    }

    @Test
    void samplesThatTheDriverWouldForgetAreFetchedInBetween() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        try (Nvml nvml = stub.source()) {
            stub.busy(0, 1000, 1, 0);
            nvml.read();
            for (int tens = 1; tens <= 6; tens++) {
                stub.busy(0, 1000 + 10 * tens, 60, tens <= 3 ? 100 : 0);
                nvml.keepUp();
            }
            GpuState gpu = nvml.read().getFirst();
            assertThat(gpu.utilizationPercent()).isCloseTo(50, within(1e-6));
            assertThat(gpu.absent()).isEmpty();
        }
    }

    @Test
    void whatTheDriverForgotIsSaid() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        try (Nvml nvml = stub.source()) {
            stub.busy(0, 1000, 1, 0);
            nvml.read();
            stub.busy(0, 1060, 360, 50);
            GpuState gpu = nvml.read().getFirst();
            assertThat(gpu.utilizationPercent()).isCloseTo(50, within(1e-6));
            assertThat(gpu.absent()).containsEntry("utilization_interval", "the driver had samples of 17 of 60 s");
        }
    }

    @Test
    void aClockThatIsSetBackEndsNothing() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        try (Nvml nvml = stub.source()) {
            stub.busy(0, 9000, 1, 0);
            nvml.read();
            stub.busy(0, 1000, 100, 10);
            nvml.read();
            stub.busy(0, 1010, 60, 20);
            assertThat(nvml.read().getFirst().utilizationPercent()).isCloseTo(20, within(1e-6));
        }
    }

    @Test
    void withoutSamplesUtilizationIsOfTheMomentAndSaysSo() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("no_samples", 1);
        try (Nvml nvml = stub.source()) {
            GpuState gpu = nvml.read().getLast();
            assertThat(gpu.utilizationPercent()).isEqualTo(77);
            assertThat(gpu.absent()).containsKey("utilization_interval").doesNotContainKey("utilization_percent");
        }
    }

    @Test
    void xidsAreThoseSinceTheReadingBefore() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        try (Nvml nvml = stub.source()) {
            assertThat(nvml.read().getFirst().xids()).isEmpty();
            stub.set("xid", 79);
            assertThat(nvml.read().getFirst().xids()).containsExactly(79);
            assertThat(nvml.read().getFirst().xids()).isEmpty();
            assertThat(nvml.read().getLast().absent()).containsEntry("xids", "this GPU does not support it");
        }
    }

    @Test
    void migInstancesAreGpusOfTheirOwn() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("mig", 0);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            List<GpuState> gpus = nvml.read();
            assertThat(gpus).hasSize(4);
            GpuState whole = gpus.getFirst();
            assertThat(whole.utilizationPercent()).isNull();
            assertThat(whole.absent()).containsEntry("utilization_percent",
                    "the GPU is in MIG mode: see its instances");
            assertThat(whole.powerWatts()).isEqualTo(301.5);

            GpuState part = gpus.get(1);
            assertThat(part.name()).isEqualTo(
                    new GpuName(GpuVendor.NVIDIA, "MIG-00000000-0000-0000-0000-000000000000", null, null, null,
                            "GPU-00000000-0000-0000-0000-000000000000", "NVIDIA Stub 80GB MIG 1g.10gb"));
            assertThat(part.utilizationPercent()).isEqualTo(41);
            assertThat(part.memoryTotalBytes()).isEqualTo(10000);
            assertThat(part.memoryUsedBytes()).isEqualTo(500);
            assertThat(part.processes()).containsExactly(new GpuProcess(5000, 700L, null));
            assertThat(part.absent()).containsKeys("power_watts", "energy_joules", "temperature_celsius");
            assertThat(gpus.get(2).utilizationPercent()).isEqualTo(43);
        }
        assertThat(stub.get("gpm_samples")).isZero();
    }

    @Test
    void migInstancesComeAndGo() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("mig", 0);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            assertThat(stub.get("gpm_samples")).isEqualTo(4);
            stub.set("mig_slots", 1 << 5 | 1 << 6);
            assertThat(nvml.read()).hasSize(4);
            assertThat(stub.get("gpm_samples")).isZero();
            assertThat(nvml.read().get(1).absent()).containsEntry("utilization_percent",
                    "several compute instances share the GPU instance that is measured");
            stub.set("mig_slots", 0);
            assertThat(nvml.read()).hasSize(2);
        }
    }

    @Test
    void migInstancesThatAreNotMeasuredSaySo() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("mig", 0);
        stub.set("gpm", 0);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            assertThat(nvml.read().get(1).absent()).containsEntry("utilization_percent",
                    "this GPU or its driver does not measure MIG instances (GPM)");
            stub.set("gpm", 1);
            stub.set("gpm_percent", 128.0);
            nvml.read();
            GpuState part = nvml.read().get(1);
            assertThat(part.utilizationPercent()).isNull();
            assertThat(part.absent()).containsEntry("utilization_percent", "the driver reported 129.0 percent");
        }
    }

    @Test
    void aGpuThatIsLostLeavesTheOthers() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            stub.set("lost", 0);
            List<GpuState> gpus = nvml.read();
            assertThat(gpus.getFirst().absent()).containsKeys("utilization_percent", "memory_used_bytes",
                    "memory_total_bytes", "power_watts", "processes");
            assertThat(gpus.getFirst().absent().values()).allMatch(cause -> cause.startsWith("the GPU is lost"));
            assertThat(gpus.getFirst().processes()).isNull();
            assertThat(gpus.getLast().powerWatts()).isEqualTo(301.5);
        }
        try (Nvml nvml = stub.source()) {
            List<GpuState> gpus = nvml.read();
            assertThat(gpus).hasSize(2);
            assertThat(gpus.getLast().name().uuid()).isNull();
            assertThat(gpus.getLast().absent()).containsKeys("utilization_percent", "xids");
        }
    }

    @Test
    void anOldLibraryTellsWhatItCan() throws Exception {
        StubNvml stub = new StubNvml(StubNvml.build(builds, "-DOLD"), folder);
        stub.set("reasons", 8L);
        try (Nvml nvml = stub.source()) {
            GpuState gpu = nvml.read().getFirst();
            assertThat(gpu.memoryUsedBytes()).as("with the driver's own").isEqualTo(11000);
            assertThat(gpu.throttled()).containsExactly("hw_slowdown");
            assertThat(gpu.processes()).containsExactly(new GpuProcess(4001, 1000L, null),
                    new GpuProcess(4002, 2000L, null));
            assertThat(gpu.absent()).containsEntry("energy_joules", "the driver's libnvidia-ml is too old for it")
                    .containsEntry("xids", "the driver does not report Xid errors");
        }
    }

    @Test
    void aDriverThatIsNotLoadedIsToldInWords() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("init_answer", 9);
        try (Nvml nvml = stub.source()) {
            assertThatThrownBy(nvml::read).isInstanceOf(GpuSourceException.class)
                    .hasMessage("the NVIDIA driver is not loaded");
            stub.set("init_answer", 18);
            assertThatThrownBy(nvml::read)
                    .hasMessage("libnvidia-ml and the loaded driver are of different versions");
            stub.set("init_answer", 0);
            assertThat(nvml.read()).hasSize(2);
        }
    }

    @Test
    void releaseLetsGoOfAllAndReadTakesItUpAgain() throws Exception {
        StubNvml stub = new StubNvml(built, folder);
        stub.set("mig", 1);
        try (Nvml nvml = stub.source()) {
            nvml.read();
            assertThat(stub.get("inits")).isEqualTo(1);
            nvml.release();
            assertThat(stub.get("inits")).isZero();
            assertThat(stub.get("gpm_samples")).isZero();
            assertThat(stub.get("event_sets")).isZero();
            nvml.release();
            assertThat(nvml.read()).hasSize(4);
        }
        assertThat(stub.get("inits")).isZero();
    }

    @Test
    void aLibraryThatIsUnavailableExceptionIsNoDriver() {
        try (Nvml nvml = new Nvml("libnvidia-ml-of-nobody.so.1", folder.resolve("nvidiactl"))) {
            assertThat(nvml.isPresent()).isFalse();
            assertThatThrownBy(nvml::read).isInstanceOf(GpuSourceException.class)
                    .hasMessage("libnvidia-ml-of-nobody.so.1 cannot be loaded");
        }
    }
}
