package org.jobwitness.agent.gpu.amd;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.agent.gpu.Program;

/**
 * AMD GPUs: by /sys, or where that has none, by {@code amd-smi} or else {@code rocm-smi}.
 */
public final class Amd implements GpuSource {
    private static final Duration TOOL_TIMEOUT = Duration.ofSeconds(30);

    private final Path sys;
    /** The best first. */
    private final List<GpuSource> sources;

    /** @param sys where sysfs is mounted */
    public Amd(Path sys) {
        this(sys, Stream.concat(
                Program.find(AmdSmi.PLACES).map(program -> new AmdSmi(program, TOOL_TIMEOUT, sys)).stream(),
                Program.find(RocmSmi.PLACES).map(program -> new RocmSmi(program, TOOL_TIMEOUT, sys)).stream())
                .toList());
    }

    Amd(Path sys, List<GpuSource> tools) {
        this.sys = sys;
        sources = Stream.concat(Stream.of(new Amdgpu(sys)), tools.stream()).toList();
    }

    @Override
    public String name() {
        return "AMD";
    }

    @Override
    public boolean isPresent() {
        return Files.isDirectory(sys.resolve("module/amdgpu"));
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        List<String> causes = new ArrayList<>();
        for (GpuSource source : sources) {
            try {
                return source.read();
            } catch (GpuSourceException e) {
                causes.add(String.valueOf(e.getMessage()));
            }
        }
        throw new GpuSourceException(String.join("; ", causes));
    }

    @Override
    public Duration keepUpInterval() {
        return Duration.ofSeconds(1);
    }

    @Override
    public void keepUp() {
        sources.forEach(GpuSource::keepUp);
    }

    @Override
    public void release() {
        sources.forEach(GpuSource::release);
    }

    @Override
    public void close() {
        release();
    }
}
