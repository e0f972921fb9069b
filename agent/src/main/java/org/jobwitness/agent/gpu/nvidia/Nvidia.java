package org.jobwitness.agent.gpu.nvidia;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;

/** NVIDIA's GPUs: by NVML, and by {@code nvidia-smi} on a node where that library cannot be loaded. */
public final class Nvidia implements GpuSource {
    private static final Path CONTROL_DEVICE = Path.of("/dev/nvidiactl");
    /** Without persistence mode the driver first has to wake each GPU, for a second or two. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Nvml nvml;
    private final Optional<NvidiaSmi> tool;

    /** As drivers install it. */
    public Nvidia() {
        this(new Nvml("libnvidia-ml.so.1", CONTROL_DEVICE),
                Program.find(NvidiaSmi.PLACES).map(program -> new NvidiaSmi(program, PATIENCE)));
    }

    Nvidia(Nvml nvml, Optional<NvidiaSmi> tool) {
        this.nvml = nvml;
        this.tool = tool;
    }

    @Override
    public String name() {
        return "NVIDIA";
    }

    @Override
    public boolean isThere() {
        return nvml.isThere();
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        try {
            return nvml.readOrRefuse();
        } catch (NvmlException e) {
            throw new GpuSourceException(String.valueOf(e.getMessage()));
        } catch (NvmlLibrary.NotThere e) {
            if (tool.isEmpty()) {
                throw new GpuSourceException(e.getMessage() + ", and there is no nvidia-smi");
            }
            return tool.get().read();
        }
    }

    @Override
    public void keepUp() {
        nvml.keepUp();
    }

    @Override
    public void release() {
        nvml.release();
    }

    @Override
    public void close() {
        nvml.close();
    }
}
