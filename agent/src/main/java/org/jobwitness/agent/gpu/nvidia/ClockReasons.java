package org.jobwitness.agent.gpu.nvidia;

import java.util.ArrayList;
import java.util.List;

/** Why an NVIDIA GPU's clocks are as they are: nvmlClocksEventReasons of nvml.h, which older drivers call throttle reasons. */
final class ClockReasons {
    /** Lowest bit first. The first is that the GPU has nothing to do, which slows nobody. */
    private static final List<String> NAMES = List.of("idle", "applications_clocks_setting", "power_cap",
            "hw_slowdown", "sync_boost", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown",
            "display_clocks_setting");

    private ClockReasons() {
    }

    /** Those that keep it slower than it could be. */
    static List<String> slowing(long reasons) {
        List<String> names = new ArrayList<>();
        for (int bit = 1; bit < Long.SIZE; bit++) {
            if ((reasons >>> bit & 1) == 1) {
                names.add(bit < NAMES.size() ? NAMES.get(bit) : "reason_" + bit);
            }
        }
        return names;
    }
}
