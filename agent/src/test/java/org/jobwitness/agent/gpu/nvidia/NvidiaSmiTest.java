package org.jobwitness.agent.gpu.nvidia;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a script that answers as nvidia-smi of several versions does; what it prints is written by hand after their form. */
@Timeout(60)
class NvidiaSmiTest {
    private static final String UUID = "GPU-27b94a00-ed54-5c24-b1fd-1054085de32a";
    private static final long MIB = 1024 * 1024;

    @TempDir
    private Path folder;

    @Test
    void aNewDriver() throws Exception {
        List<GpuState> gpus = smi("""
                refuse clocks_throttle_reasons.active
                row uuid=%s pci.bus_id=00000000:C1:00.0 utilization.gpu=97 memory.used=40123 memory.total=81559 \
                power.draw=412.37 temperature.gpu=61 clocks.sm=1755 ecc.errors.uncorrected.volatile.total=0 \
                mig.mode.current=Disabled clocks_event_reasons.active=0x0000000000000004 'name=NVIDIA H100 80GB HBM3'
                row uuid=GPU-0 pci.bus_id=00000000:1B:00.0 utilization.gpu=0 memory.used=4 memory.total=81559 \
                power.draw=70.02 temperature.gpu=30 clocks.sm=345 ecc.errors.uncorrected.volatile.total=2 \
                mig.mode.current=Disabled clocks_event_reasons.active=0x0000000000000001 'name=NVIDIA H100 80GB HBM3'
                app '%s, 4242, 39000'
                app '%s, 4243, [N/A]'
                """.formatted(UUID, UUID, UUID)).read();
        GpuState busy = gpus.getFirst();
        assertThat(busy.name()).isEqualTo(new GpuName(GpuVendor.NVIDIA, UUID, "00000000:c1:00.0", null, 1, null,
                "NVIDIA H100 80GB HBM3"));
        assertThat(busy.utilizationPercent()).isEqualTo(97);
        assertThat(busy.memoryUsedBytes()).isEqualTo(40123 * MIB);
        assertThat(busy.memoryTotalBytes()).isEqualTo(81559 * MIB);
        assertThat(busy.powerWatts()).isEqualTo(412.37);
        assertThat(busy.temperatureCelsius()).isEqualTo(61);
        assertThat(busy.clockMhz()).isEqualTo(1755);
        assertThat(busy.throttled()).containsExactly("power_cap");
        assertThat(busy.eccErrors()).isZero();
        assertThat(busy.processes()).containsExactly(new GpuProcess(4242, 39000 * MIB, null),
                new GpuProcess(4243, null, null));
        assertThat(busy.absent()).containsOnlyKeys("utilization_interval", "energy_joules", "xids");

        GpuState idle = gpus.getLast();
        assertThat(idle.name().index()).isZero();
        assertThat(idle.throttled()).isEmpty();
        assertThat(idle.eccErrors()).isEqualTo(2);
        assertThat(idle.processes()).isEmpty();
    }

    @Test
    void anOldDriverThatKnowsFewerFields() throws Exception {
        NvidiaSmi smi = smi("""
                refuse mig.mode.current
                refuse clocks_event_reasons.active
                row uuid=%s pci.bus_id=00000000:00:1E.0 utilization.gpu=12 memory.used=305 memory.total=16160 \
                power.draw=25.61 temperature.gpu=34 clocks.sm=135 ecc.errors.uncorrected.volatile.total=0 \
                clocks_throttle_reasons.active=0x0000000000000048 'name=Tesla V100-SXM2-16GB'
                """.formatted(UUID));
        GpuState gpu = smi.read().getFirst();
        assertThat(gpu.name().model()).isEqualTo("Tesla V100-SXM2-16GB");
        assertThat(gpu.throttled()).containsExactly("hw_slowdown", "hw_thermal_slowdown");
        int runs = runs();
        smi.read();
        assertThat(runs() - runs).as("what is not known is not asked again").isEqualTo(2);
    }

    @Test
    void aGpuWithoutSuchSensors() throws Exception {
        GpuState gpu = smi("""
                row uuid=%s pci.bus_id=00000000:01:00.0 'utilization.gpu=[N/A]' memory.used=1024 memory.total=24564 \
                'power.draw=[Not Supported]' temperature.gpu=65 'clocks.sm=[Unknown Error]' \
                'ecc.errors.uncorrected.volatile.total=[N/A]' 'mig.mode.current=[N/A]' \
                'clocks_event_reasons.active=[N/A]' 'clocks_throttle_reasons.active=[N/A]' \
                'name=NVIDIA GeForce RTX 4090'
                """.formatted(UUID)).read().getFirst();
        assertThat(gpu.utilizationPercent()).isNull();
        assertThat(gpu.absent()).containsEntry("utilization_percent", "nvidia-smi reports [N/A]")
                .containsEntry("power_watts", "nvidia-smi reports [Not Supported]")
                .containsEntry("clock_mhz", "nvidia-smi reports [Unknown Error]").containsKey("throttled")
                .doesNotContainKey("utilization_interval");
        assertThat(gpu.memoryUsedBytes()).isEqualTo(1024 * MIB);
    }

    @Test
    void migInstancesAreNotTold() throws Exception {
        GpuState gpu = smi("""
                row uuid=%s pci.bus_id=00000000:00:04.0 'utilization.gpu=[N/A]' memory.used=38 memory.total=40960 \
                power.draw=66.92 temperature.gpu=36 clocks.sm=1410 'ecc.errors.uncorrected.volatile.total=[N/A]' \
                mig.mode.current=Enabled clocks_event_reasons.active=0x0000000000000000 \
                clocks_throttle_reasons.active=0x0000000000000000 'name=NVIDIA A100-SXM4-40GB'
                """.formatted(UUID)).read().getFirst();
        assertThat(gpu.absent()).containsKeys("mig_instances", "processes");
        assertThat(gpu.processes()).isNull();
    }

    @Test
    void troubleIsToldInItsWords() throws Exception {
        assertThatThrownBy(smi("""
                say 'Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.'
                exit 15
                """)::read).isInstanceOf(GpuSourceException.class).hasMessage("nvidia-smi ended with status 15: "
                + "Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.");
        assertThatThrownBy(smi("say 'No devices were found'\nexit 6\n")::read)
                .hasMessage("nvidia-smi ended with status 6: No devices were found");
        assertThatThrownBy(smi("say 'something <else>, and more'\nexit 0\n")::read)
                .hasMessage("nvidia-smi printed an unknown format");
        assertThatThrownBy(smi("exit 0\n")::read).hasMessage("nvidia-smi reports no GPU");
    }

    @Test
    void oneThatHangsIsKilled() throws Exception {
        Path program = program("sleep 1000\n");
        assertThatThrownBy(new NvidiaSmi(program, Duration.ofMillis(300))::read)
                .isInstanceOf(GpuSourceException.class).hasMessageContaining("was killed");
    }

    @Test
    void itIsAskedWhereTheLibraryCannotBeLoaded() throws Exception {
        Nvml none = new Nvml("libnvidia-ml-of-nobody.so.1", folder);
        try (Nvidia nvidia = new Nvidia(none, Optional.of(smi("""
                row uuid=%s pci.bus_id=00000000:01:00.0 'name=NVIDIA L4'
                """.formatted(UUID))))) {
            assertThat(nvidia.read()).hasSize(1);
        }
        try (Nvidia nvidia = new Nvidia(none, Optional.empty())) {
            assertThatThrownBy(nvidia::read)
                    .hasMessage("libnvidia-ml-of-nobody.so.1 cannot be loaded, and there is no nvidia-smi");
        }
    }

    private NvidiaSmi smi(String behaviour) throws IOException {
        return new NvidiaSmi(program(behaviour), Duration.ofSeconds(20));
    }

    private int runs() throws IOException {
        return Files.readAllLines(folder.resolve("runs")).size();
    }

    /** A script in which {@code row} is a GPU, {@code app} a process, and {@code refuse} a field that it does not know. */
    private Path program(String behaviour) throws IOException {
        Path program = folder.resolve("nvidia-smi");
        Files.writeString(program, """
                #!/bin/sh
                echo run >>%s/runs
                kind=${1%%%%=*} fields=${1#*=}
                say() { echo "$1"; }
                refuse() {
                    case ",$fields," in
                    *",$1,"*) echo "Field \\"$1\\" is not a valid field to query."; echo; exit 2 ;;
                    esac
                }
                app() { [ "$kind" != --query-compute-apps ] || echo "$1"; }
                row() {
                    [ "$kind" = --query-gpu ] || return 0
                    line=
                    for field in $(echo "$fields" | tr , ' '); do
                        value='[N/A]'
                        for given; do [ "${given%%%%=*}" != "$field" ] || value=${given#*=}; done
                        line="$line${line:+, }$value"
                    done
                    echo "$line"
                }
                [ "$2" = --format=csv,noheader,nounits ] || exit 3
                """.formatted(folder) + behaviour);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        return program;
    }
}
