package org.jobwitness.server.demo;

import static org.jobwitness.server.demo.Profile.Quantity.ANON;
import static org.jobwitness.server.demo.Profile.Quantity.CPU_PRESSURE;
import static org.jobwitness.server.demo.Profile.Quantity.IO_PRESSURE;
import static org.jobwitness.server.demo.Profile.Quantity.MEMORY;
import static org.jobwitness.server.demo.Profile.Quantity.READ;
import static org.jobwitness.server.demo.Profile.Quantity.SHMEM;
import static org.jobwitness.server.demo.Profile.Quantity.SYSTEM;
import static org.jobwitness.server.demo.Profile.Quantity.WRITE;

import java.util.EnumMap;
import java.util.Map;

/** How a job behaves while it runs: a signal for each quantity. */
record Profile(Map<Quantity, Signal> signals) {

    /** What a job uses, and what it uses if its profile does not say otherwise. */
    enum Quantity {
        /** Busy part of its CPUs. */
        CPU(0),
        /** Of the CPU time, the kernel's part. */
        SYSTEM(0.02),
        /** Of the time, the part in which a task waits for a CPU. */
        CPU_PRESSURE(0.004),
        /** Of the memory limit, the part in use. */
        MEMORY(0),
        /** Of the memory in use, what the program allocated; nearly all else is page cache. */
        ANON(0.92),
        /** Of the memory limit, the most that the program allocates. */
        MAX_ANON(1),
        /** Of the page cache, what the processes of a node share. */
        SHMEM(0),
        /** Of the memory limit, what is swapped out. */
        SWAP(0),
        /** Of the time, the part in which a task waits for memory. */
        MEMORY_PRESSURE(0),
        /** Of the time, the part in which a task waits for a disk. */
        IO_PRESSURE(0.001),
        /** MiB per second. */
        READ(Signal.until(0.05, 40, 0)),
        /** MiB per second. */
        WRITE(0.5),
        /** Busy part of each GPU that it works on. */
        GPU(0);

        @SuppressWarnings("ImmutableEnumChecker") // a pure function
        private final Signal usual;

        Quantity(double usual) {
            this(Signal.level(usual, 0));
        }

        Quantity(Signal usual) {
            this.usual = usual;
        }
    }

    /** A quantity by the part of the run that has passed, with noise from -1 to 1. */
    @FunctionalInterface
    interface Signal {
        double at(double part, double noise);

        static Signal level(double level, double spread) {
            return (_, noise) -> level + spread * noise;
        }

        /** Rises in the first tenth, then stays. */
        static Signal fill(double level, double spread) {
            return (part, noise) -> level * Math.min(1, 0.2 + 8 * part) + spread * noise;
        }

        /** Rises until the memory limit is nearly reached. */
        static Signal grow(double from, double slope, double spread) {
            return (part, noise) -> Math.min(0.985, from + slope * part) + spread * noise;
        }

        /** Rises or falls in the first third, as a job whose memory is full gets slower. */
        static Signal strain(double from, double by, double spread) {
            return (part, noise) -> from + by * Math.min(1, part * 3) + spread * noise;
        }

        static Signal until(double end, double before, double after) {
            return until(end, level(before, 0), level(after, 0));
        }

        static Signal until(double end, Signal before, Signal after) {
            return (part, noise) -> (part < end ? before : after).at(part, noise);
        }

        static Signal dips(int times, double usual, double dip) {
            return dips(times, level(usual, 0), level(dip, 0));
        }

        /** A short phase at the end of each of so many equal parts. */
        static Signal dips(int times, Signal usual, Signal dip) {
            return (part, noise) -> (part * times % 1 > 0.92 ? dip : usual).at(part, noise);
        }
    }

    /** Computes, and little else. */
    static final Profile COMPUTE = new Profile(Map.of()).with(MEMORY, Signal.fill(0.45, 0.02));
    /** Computes, and writes a checkpoint now and then. */
    static final Profile CHECKPOINTS = COMPUTE.with(CPU_PRESSURE, 0.02).with(MEMORY, Signal.fill(0.58, 0.01))
            .with(IO_PRESSURE, Signal.dips(8, 0.001, 0.04)).with(WRITE, Signal.dips(8, 0.1, 200));
    /** Reads and computes on GPUs. */
    static final Profile ON_GPUS = COMPUTE.with(Quantity.CPU, 0.4, 0.08).with(SYSTEM, 0.15).with(ANON, 0.7)
            .with(SHMEM, 0.4).with(IO_PRESSURE, 0.01).with(READ, 120).with(WRITE, Signal.dips(10, 0.1, 80));

    double at(Quantity quantity, double part, double noise) {
        return signals.getOrDefault(quantity, quantity.usual).at(part, noise);
    }

    Profile with(Quantity quantity, double level) {
        return with(quantity, level, 0);
    }

    Profile with(Quantity quantity, double level, double spread) {
        return with(quantity, Signal.level(level, spread));
    }

    Profile with(Quantity quantity, Signal signal) {
        Map<Quantity, Signal> all = new EnumMap<>(Quantity.class);
        all.putAll(signals);
        all.put(quantity, signal);
        return new Profile(all);
    }
}
