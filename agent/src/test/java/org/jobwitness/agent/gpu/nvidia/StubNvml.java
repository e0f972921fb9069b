package org.jobwitness.agent.gpu.nvidia;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jobwitness.agent.gpu.GpuSource;

/** A libnvidia-ml.so.1 compiled for a test, of GPUs that are not there, and what the test does to them. */
public final class StubNvml {
    private static final Path SOURCES = Path.of("src/test/resources/nvml");

    private final Path library;
    private final SymbolLookup symbols;

    /** A library of its own, with a state of its own: a copy of one that {@link #build} has made. */
    @SuppressWarnings("restricted")
    public StubNvml(Path built, Path folder) throws IOException {
        library = Files.copy(built, folder.resolve("libnvidia-ml.so.1"));
        // As long as this holds it, the library keeps its state when the agent lets go of it.
        symbols = SymbolLookup.libraryLookup(library, Arena.global());
    }

    public static Path build(Path folder, String... options) throws IOException, InterruptedException {
        Path built = folder.resolve("stub" + String.join("", options) + ".so");
        List<String> all = new ArrayList<>(List.of("-shared", "-fPIC", "-O1"));
        all.addAll(Arrays.asList(options));
        compile(SOURCES.resolve("stub.c"), built, all);
        return built;
    }

    static void compile(Path source, Path into, List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("gcc", "-Wall", "-Wextra", "-Werror"));
        command.addAll(options);
        command.addAll(List.of("-o", into.toString(), source.toString()));
        assumeTrue(Arrays.stream(System.getenv("PATH").split(":")).map(Path::of)
                .anyMatch(folder -> Files.isExecutable(folder.resolve("gcc"))),
                "no gcc here: deploy/test/install-tools installs it");
        Process gcc = new ProcessBuilder(command).inheritIO().start();
        assertThat(gcc.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(gcc.exitValue()).isZero();
    }

    Path path() {
        return library;
    }

    public Nvml source() {
        return new Nvml(library.toString(), library);
    }

    /** For the rooms beside this one. */
    public GpuSource nvidia() {
        return new Nvidia(source(), Optional.empty());
    }

    public void set(String name, int value) {
        variable(name, Integer.BYTES).set(ValueLayout.JAVA_INT, 0, value);
    }

    public void set(String name, double value) {
        variable(name, Double.BYTES).set(ValueLayout.JAVA_DOUBLE, 0, value);
    }

    public void set(String name, long value) {
        variable(name, Long.BYTES).set(ValueLayout.JAVA_LONG, 0, value);
    }

    public int get(String name) {
        return variable(name, Integer.BYTES).get(ValueLayout.JAVA_INT, 0);
    }

    @SuppressWarnings("restricted")
    private MemorySegment variable(String name, long bytes) {
        return symbols.find("stub_" + name).orElseThrow().reinterpret(bytes);
    }

    /** Adds samples to what the driver has of a GPU: one each sixth of a second, the last at that time. */
    @SuppressWarnings("restricted")
    public void busy(int gpu, double untilSeconds, int count, int percent) {
        try {
            var add = Linker.nativeLinker().downcallHandle(symbols.find("stub_sample").orElseThrow(),
                    FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
            for (int i = count - 1; i >= 0; i--) {
                add.invokeExact(gpu, Math.round((untilSeconds - i / 6.0) * 1e6), percent);
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
