package org.jobwitness.agent.gpu.nvidia;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Links a library of NVIDIA's and calls its functions by name. A function that the node's driver lacks fails as NVML would report it
 * ({@link NvmlException#FUNCTION_NOT_FOUND}). For one thread.
 */
final class NvmlCalls implements AutoCloseable {
    private static final int SUCCESS = 0;
    private static final int MAX_ARGUMENTS = 6;

    private final Arena arena = Arena.ofConfined();
    private final SymbolLookup library;
    private final Map<String, Optional<MemorySegment>> functions = new HashMap<>();

    /**
     * Calls any of the functions: each takes at most six pointers or whole numbers and returns a number. On Linux each of those is passed
     * in a register of its own (System V's ABI for x86-64, 3.2.3; AAPCS64, 6.8.2), and a function reads only the registers and bits of
     * its own parameters. A handle for each signature would cost a node a megabyte.
     */
    private final MethodHandle caller;

    /** @param name of the library, for the loader of the system, or its path */
    @SuppressWarnings("restricted") // the launcher allows it
    NvmlCalls(String name) throws NvmlLibrary.UnavailableException {
        try {
            library = SymbolLookup.libraryLookup(name, arena);
        } catch (IllegalArgumentException e) {
            arena.close();
            throw new NvmlLibrary.UnavailableException(name + " cannot be loaded");
        }
        MemoryLayout[] words = new MemoryLayout[MAX_ARGUMENTS];
        Arrays.fill(words, JAVA_LONG);
        caller = Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_INT, words));
    }

    /** Memory for results, freed by {@link #close}. */
    MemorySegment allocate(long bytes) {
        return arena.allocate(bytes, Long.BYTES);
    }

    boolean has(String function) {
        return find(function).isPresent();
    }

    private Optional<MemorySegment> find(String function) {
        return functions.computeIfAbsent(function, library::find);
    }

    static void check(int result) throws NvmlException {
        if (result != SUCCESS) {
            throw new NvmlException(result);
        }
    }

    /** @param arguments memory, a pointer of the library's own, or a whole number: at most {@link #MAX_ARGUMENTS} */
    void call(String function, Object... arguments) throws NvmlException {
        MemorySegment address = find(function)
                .orElseThrow(() -> new NvmlException(NvmlException.FUNCTION_NOT_FOUND));
        long[] words = new long[MAX_ARGUMENTS];
        for (int i = 0; i < arguments.length; i++) {
            words[i] = switch (arguments[i]) {
                case MemorySegment memory -> memory.address();
                case Integer number -> number;
                case Long number -> number;
                default -> throw new IllegalArgumentException(function + " takes no " + arguments[i].getClass());
            };
        }
        int result;
        try {
            result = (int) caller.invokeExact(address, words[0], words[1], words[2], words[3], words[4], words[5]);
        } catch (Throwable e) {
            throw new IllegalStateException(e); // a call into C throws nothing
        }
        check(result);
    }

    /** Unloads the library. */
    @Override
    public void close() {
        arena.close();
    }
}
