package org.jobwitness.agent.gpu.nvidia;

import java.util.ArrayList;
import java.util.List;

/** The reasons for the clocks of an NVIDIA GPU: nvmlClocksEventReasons of nvml.h, throttle reasons in older drivers. */
final class ClockReasons {
    /** Lowest bit first. The first, idle, slows nothing down. */
    private static final List<String> NAMES = List.of("idle", "applications_clocks_setting", "power_cap",
            "hw_slowdown", "sync_boost", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown",
            "display_clocks_setting");

    private ClockReasons() {
    }

    /** Those that reduce the clocks. */
    static List<String> throttling(long reasons) {
        List<String> names = new ArrayList<>();
        for (int bit = 1; bit < Long.SIZE; bit++) {
            if ((reasons >>> bit & 1) == 1) {
                names.add(bit < NAMES.size() ? NAMES.get(bit) : "reason_" + bit);
            }
        }
        return names;
    }
}
