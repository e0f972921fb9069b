package org.jobwitness.agent.gpu.nvidia;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;

/** NVIDIA GPUs: by NVML, or by {@code nvidia-smi} on a node where that library cannot be loaded. */
public final class Nvidia implements GpuSource {
    private static final Path CONTROL_DEVICE = Path.of("/dev/nvidiactl");
    /** Without persistence mode the driver first wakes each GPU, for a second or two. */
    private static final Duration TOOL_TIMEOUT = Duration.ofSeconds(30);

    private final Nvml nvml;
    private final Optional<NvidiaSmi> tool;

    /** With the library and tool that drivers install. */
    public Nvidia() {
        this(new Nvml("libnvidia-ml.so.1", CONTROL_DEVICE),
                Program.find(NvidiaSmi.PLACES).map(program -> new NvidiaSmi(program, TOOL_TIMEOUT)));
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
    public boolean isPresent() {
        return nvml.isPresent();
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        try {
            return nvml.readOrThrow();
        } catch (NvmlException e) {
            throw new GpuSourceException(String.valueOf(e.getMessage()));
        } catch (NvmlLibrary.UnavailableException e) {
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
